import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { asyncApi, type AsyncApiParts } from './asyncapi.ts';
import { openApi, type ApiInfo, type Json } from './openapi.ts';
import type { RegisteredEndpoint } from './server.ts';

/**
 * The documents of a server: `/docs` to read and try, `/docs/openapi.json`, and `/docs/asyncapi.json` where events and frames are given.
 * They are put together when first asked for, when every endpoint has been registered.
 */
export async function documentRoutes(
  fastify: FastifyInstance,
  endpoints: readonly RegisteredEndpoint[],
  api: ApiInfo,
  events?: AsyncApiParts,
): Promise<void> {
  const document = once(() => openApi(api, endpoints));
  fastify.get('/docs/openapi.json', () => document());
  if (events !== undefined) {
    const asynchronous = once(() => asyncApi(events));
    fastify.get('/docs/asyncapi.json', () => asynchronous());
  }
  await fastify.register(swagger);
  await fastify.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'none', persistAuthorization: false, tagsSorter: 'alpha' },
    // The bar on top shows a vendor's name and asks for another document: there is only this one.
    theme: { title: api.title, css: [{ filename: 'page.css', content: '.swagger-ui .topbar { display: none }' }] },
    transformSpecificationClone: false,
    transformSpecification: () => document(),
  });
}

type Document = { readonly [key: string]: Json };

function once(make: () => Document): () => Document {
  let made: Document | undefined;
  return () => (made ??= make());
}
