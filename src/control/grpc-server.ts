// What: the gRPC server: binds the socket and puts the services behind it. Why: services stay plain functions; how a
// call is answered, cancelled and failed stands here once. Who: main.ts.

import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { SwitchError } from '../datapath/index.ts';
import { grpcStatusOf } from './errors.ts';
import type { Handlers, ServiceDefinition } from './services/handlers.ts';
import { withPrivateUmask } from './socket-file.ts';

/** Time for calls under way to end before they are cut off. */
const SHUTDOWN_GRACE_MS = 500;

type UnaryHandler = (request: unknown) => Promise<unknown>;
type StreamingHandler = (request: unknown) => AsyncIterable<unknown>;

export class GrpcServer {
  readonly #server = new Server();

  /** Adds a service. Call it before listen(). */
  add<Service extends ServiceDefinition>(definition: Service, handlers: Handlers<Service>): void {
    const implementation = Object.entries(definition).map(([name, method]) => {
      const handler: unknown = handlers[name];
      return [
        name,
        method.responseStream
          ? answerStream(handler as StreamingHandler)
          : answerUnary(handler as UnaryHandler),
      ];
    });
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

function answerStream(handler: StreamingHandler) {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    sendAll(call, handler(call.request)).catch((error: unknown) => call.emit('error', grpcStatusOf(error)));
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
