import persistentGrpc from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { Empty, identifier } from './raw-client.ts';

export const { CreateReq, GetInfoReq, ReadReq: GroupReadReq, ReadResp: GroupReadResp } = persistent;
type Client = InstanceType<typeof persistentGrpc.PersistentSubscriptionsClient>;
type Info = InstanceType<typeof persistent.SubscriptionInfo>;

export function rawGroups(connectionString: string): Client {
  return new persistentGrpc.PersistentSubscriptionsClient(new URL(connectionString).host, credentials.createInsecure());
}

/** Settings as the client sends them by default. */
function groupSettings(): InstanceType<typeof CreateReq.Settings> {
  const settings = new CreateReq.Settings();
  settings.setMessageTimeoutMs(30_000);
  settings.setMaxRetryCount(10);
  settings.setCheckpointAfterMs(2000);
  settings.setMinCheckpointCount(10);
  settings.setMaxCheckpointCount(1000);
  settings.setLiveBufferSize(500);
  settings.setHistoryBufferSize(500);
  settings.setReadBatchSize(20);
  return settings;
}

type CreateOptions = InstanceType<typeof CreateReq.Options>;

/** Says where a group begins by the message that the client does not use yet for streams. */
export function fromStream(stream: string, start: 'start' | 'end' | number) {
  return (options: CreateOptions): void => {
    const source = new CreateReq.StreamOptions();
    source.setStreamIdentifier(identifier(stream));
    if (start === 'start') source.setStart(new Empty());
    else if (start === 'end') source.setEnd(new Empty());
    else source.setRevision(String(start));
    options.setStream(source);
  };
}

/** Creates a group by a hand-made request; gives the error if there is one. */
export function rawCreate(client: Client, group: string, change: (options: CreateOptions) => void): Promise<ServiceError | undefined> {
  const options = new CreateReq.Options();
  options.setGroupName(group);
  options.setSettings(groupSettings());
  change(options);
  const request = new CreateReq();
  request.setOptions(options);
  return new Promise((resolve) => void client.create(request, (error) => resolve(error ?? undefined)));
}

/** What the server tells about a group, with its positions as text. */
export function rawInfo(client: Client, source: string, group: string): Promise<Info | undefined> {
  const options = new GetInfoReq.Options();
  if (source === '$all') options.setAll(new Empty());
  else options.setStreamIdentifier(identifier(source));
  options.setGroupName(group);
  const request = new GetInfoReq();
  request.setOptions(options);
  return new Promise((resolve, reject) => {
    client.getInfo(request, (error, response) => (error ? reject(error) : resolve(response.getSubscriptionInfo())));
  });
}

/** Reads a group of a stream with structured ids, over a connection of that name. */
export function rawConsume(client: Client, stream: string, group: string, connectionName: string) {
  const uuids = new GroupReadReq.Options.UUIDOption();
  uuids.setStructured(new Empty());
  const options = new GroupReadReq.Options();
  options.setStreamIdentifier(identifier(stream));
  options.setGroupName(group);
  options.setBufferSize(10);
  options.setUuidOption(uuids);
  const request = new GroupReadReq();
  request.setOptions(options);
  const metadata = new Metadata();
  metadata.set('connection-name', connectionName);
  const call = client.read(metadata);
  call.on('error', () => undefined);
  call.write(request);
  return call;
}
