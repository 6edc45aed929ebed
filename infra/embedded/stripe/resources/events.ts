import { z } from 'zod';
import { listShape, parse, schema } from '../parameters.ts';
import type { Resource } from '../store.ts';
import { listReply } from '../world.ts';
import type { Handler } from '../world.ts';

const listForm = schema({ ...listShape, type: z.string().optional() });

export const retrieveEvent: Handler = ({ world, path, account }) => ({
  body: world.store.get<Resource>('event', path['id'] ?? '', 'id', account),
});

export const listEvents: Handler = ({ world, params, account }) => {
  const { type, ...page } = parse(listForm, params);
  return listReply('/v1/events', world.store.page<Resource>('event', { ...page, where: { type } }, account));
};
