import { status } from '@grpc/grpc-js';
import { RpcError } from '../wire/rpc-error.ts';

const names = (stream: string, group: string) => ({ 'stream-name': stream, 'group-name': group });

export const groupExists = (stream: string, group: string): RpcError =>
  new RpcError(status.ALREADY_EXISTS, `Subscription group ${group} on stream ${stream} exists.`, {
    exception: 'persistent-subscription-exists',
    ...names(stream, group),
  });

export const groupDoesNotExist = (stream: string, group: string): RpcError =>
  new RpcError(status.NOT_FOUND, `Subscription group ${group} on stream ${stream} does not exist.`, {
    exception: 'persistent-subscription-does-not-exist',
    ...names(stream, group),
  });

export const groupFailed = (stream: string, group: string, reason: string): RpcError =>
  new RpcError(status.INTERNAL, `Subscription group ${group} on stream ${stream} failed: '${reason}'`, {
    exception: 'persistent-subscription-failed',
    ...names(stream, group),
    reason,
  });

export const groupIsFull = (stream: string, group: string): RpcError =>
  new RpcError(status.FAILED_PRECONDITION, `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`, {
    exception: 'maximum-subscribers-reached',
    ...names(stream, group),
  });

export const groupDropped = (stream: string, group: string): RpcError =>
  new RpcError(status.CANCELLED, `Subscription group ${group} on stream ${stream} was dropped.`, {
    exception: 'persistent-subscription-dropped',
    ...names(stream, group),
  });
