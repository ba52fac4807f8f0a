// What: the type of a service's implementation. Why: a handler is a plain function from request to reply, without
// gRPC in it; the compiler asks for exactly the methods that the proto file has. Who: each service, grpc-server.ts.

import type { AnyMethod, Method } from '../../generated/services.ts';

/**
 * What implements one method: a promise of the reply, or a sequence of replies. It fails with SwitchError. A sequence
 * that waits for something to happen also listens to `ended`: the caller went away, or the server stops. A sequence of
 * requests fails when the caller went away.
 */
export type Handler<M> =
  M extends Method<infer _Req, infer Received, infer Reply, infer _Res, infer Kind>
    ? Kind extends 'streaming'
      ? (request: Received, ended: AbortSignal) => AsyncIterable<Reply>
      : Kind extends 'collecting'
        ? (requests: AsyncIterable<Received>) => Promise<Reply>
        : (request: Received) => Promise<Reply>
    : never;

export type ServiceDefinition = Readonly<Record<string, AnyMethod>>;

/** One handler for each method of a service. */
export type Handlers<Service> = { readonly [Name in keyof Service]: Handler<Service[Name]> };
