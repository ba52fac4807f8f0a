// What: the gRPC server: binds the socket and puts the services behind it. Why: services stay plain functions; how a
// call is answered, cancelled and failed stands here once. Who: main.ts.

import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { SwitchError } from '../datapath/index.ts';
import type { AnyMethod, MethodKind } from '../generated/services.ts';
import { grpcStatusOf } from './errors.ts';
import type { Handlers, ServiceDefinition } from './services/handlers.ts';
import { withPrivateUmask } from './socket-file.ts';

/** Time for calls under way to end before they are cut off. */
const SHUTDOWN_GRACE_MS = 500;

type UnaryHandler = (request: unknown) => Promise<unknown>;
type StreamingHandler = (request: unknown, cancelled: AbortSignal) => AsyncIterable<unknown>;
type CollectingHandler = (requests: AsyncIterable<unknown>) => Promise<unknown>;

/** How each kind of method is answered; `closing` tells answers that would go on for ever that the server ends. */
const ANSWERS: Record<MethodKind, (handler: never, closing: AbortSignal) => UntypedHandleCall> = {
  unary: answerUnary,
  streaming: answerStream,
  collecting: answerCollection,
};

export class GrpcServer {
  readonly #server = new Server();
  readonly #closing = new AbortController();

  /** Adds a service. Call it before listen(). */
  add<Service extends ServiceDefinition>(definition: Service, handlers: Handlers<Service>): void {
    const implementation = Object.entries<AnyMethod>(definition).map(([name, method]) => [
      name,
      ANSWERS[method.kind](handlers[name] as never, this.#closing.signal),
    ]);
    this.#server.addService(definition, Object.fromEntries(implementation));
  }

  /** Accepts calls on a Unix socket that only this user can use. Throws SwitchError. */
  async listen(socketPath: string): Promise<void> {
    const bind = () =>
      new Promise<void>((resolve, reject) => {
        this.#server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
          error ? reject(error) : resolve(),
        );
      });
    try {
      await withPrivateUmask(bind);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new SwitchError('failed-precondition', `The socket ${socketPath} cannot be opened (${text}).`, {
        cause: error,
      });
    }
  }

  /** Refuses new calls, lets those under way end, and removes the socket. */
  async close(): Promise<void> {
    this.#closing.abort();
    await new Promise<void>((resolve) => {
      const cutOff = setTimeout(() => this.#server.forceShutdown(), SHUTDOWN_GRACE_MS);
      this.#server.tryShutdown(() => {
        clearTimeout(cutOff);
        resolve();
      });
    });
  }
}

function answerUnary(handler: UnaryHandler) {
  return (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>): void => {
    handler(call.request).then(
      (response) => reply(null, response),
      (error: unknown) => reply(grpcStatusOf(error)),
    );
  };
}

function answerStream(handler: StreamingHandler, closing: AbortSignal) {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    const cancellation = new AbortController();
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => cancellation.abort());
    const ended = AbortSignal.any([cancellation.signal, closing]);
    sendAll(call, handler(call.request, ended)).catch((error: unknown) =>
      call.emit('error', grpcStatusOf(error)),
    );
  };
}

/** Writes as fast as the client reads, and stops when it went away. */
async function sendAll(
  call: ServerWritableStream<unknown, unknown>,
  responses: AsyncIterable<unknown>,
): Promise<void> {
  for await (const response of responses) {
    if (call.cancelled) return;
    if (!call.write(response)) await drained(call);
  }
  call.end();
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'cancelled', 'close', 'error'];
    const done = () => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}

function answerCollection(handler: CollectingHandler) {
  return (call: ServerReadableStream<unknown, unknown>, reply: sendUnaryData<unknown>): void => {
    handler(receiveAll(call)).then(
      (response) => reply(null, response),
      (error: unknown) => reply(grpcStatusOf(error)),
    );
  };
}

/** The requests of a call as they come, none before the last one was dealt with. Throws when the caller goes away. */
async function* receiveAll(call: ServerReadableStream<unknown, unknown>): AsyncGenerator<unknown> {
  const gone = new Promise<never>((_, reject) => {
    call.once('cancelled', () => reject(new SwitchError('unavailable', 'The caller went away.')));
  });
  gone.catch(() => {});
  const requests = call[Symbol.asyncIterator]() as AsyncIterator<unknown>;
  for (;;) {
    const { done, value } = await Promise.race([requests.next(), gone]);
    if (done) return;
    yield value;
  }
}
