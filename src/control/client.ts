// What: a client for the switch's gRPC API: unary calls and response streams over a Unix socket. Why: promises,
// async iteration and sentences on top of @grpc/grpc-js; any other gRPC client works as well. Who: the CLI, tests, and
// programs that drive a switch.

import { once } from 'node:events';
import { Client, connectivityState, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { Method } from '../generated/services.ts';

/** A call that the switch refused or that did not reach it. `message` is one sentence. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** gRPC status code: `status` of @grpc/grpc-js. */
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

/** What the switch may send before it is told that it was read: some pages of a long answer. */
const WINDOW_BYTES = 2 << 20;

type UnaryMethod<Req, Res> = Method<Req, unknown, never, Res, 'unary'>;
type StreamingMethod<Req, Res> = Method<Req, unknown, never, Res, 'streaming'>;
type CollectingMethod<Req, Res> = Method<Req, unknown, never, Res, 'collecting'>;

/** One connection to one switch. close() it, or the process stays alive. */
export class SwitchClient {
  readonly socketPath: string;
  readonly #client: Client;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      'grpc-node.flow_control_window': WINDOW_BYTES,
    });
  }

  /** Calls a method with one reply. Rejects with RpcError. */
  call<Req, Res>(method: UnaryMethod<Req, Res>, request: Req): Promise<Res> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        (error, response) => {
          if (error) reject(this.#rpcError(error));
          else resolve(response as Res);
        },
      );
    });
  }

  /** Calls a method with a stream of replies; leaving the loop cancels the call. Throws RpcError. */
  async *stream<Req, Res>(method: StreamingMethod<Req, Res>, request: Req): AsyncGenerator<Res> {
    const { path, requestSerialize, responseDeserialize } = method;
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    try {
      for await (const response of stream) yield response as Res;
    } catch (error) {
      throw this.#rpcError(error as ServiceError);
    } finally {
      stream.cancel();
    }
  }

  /**
   * Calls a method with a stream of requests, which are taken as fast as the switch reads. Rejects with RpcError, or
   * with whatever `requests` throws; the call is cancelled then.
   */
  async upload<Req, Res>(
    method: CollectingMethod<Req, Res>,
    requests: AsyncIterable<Req> | Iterable<Req>,
  ): Promise<Res> {
    const { path, requestSerialize, responseDeserialize } = method;
    let answered = false;
    let settle: (error: ServiceError | null, response?: Res) => void = () => {};
    const answer = new Promise<Res>((resolve, reject) => {
      settle = (error, response) => {
        answered = true;
        if (error) reject(this.#rpcError(error));
        else resolve(response as Res);
      };
    });
    answer.catch(() => {}); // whoever waits below gets it
    const call = this.#client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, settle);
    call.on('error', () => {}); // the answer tells
    try {
      for await (const request of requests) {
        if (answered) break;
        // An answer that comes early is a refusal.
        if (!call.write(request)) await Promise.race([once(call, 'drain'), answer]);
      }
    } catch (error) {
      call.cancel();
      throw error;
    }
    call.end();
    return answer;
  }

  /** Ends the connection once calls under way are answered. */
  close(): void {
    this.#client.close();
  }

  /** Resolves when the connection is gone, whoever ended it. */
  async closed(): Promise<void> {
    const channel = this.#client.getChannel();
    for (;;) {
      const state = channel.getConnectivityState(false);
      if (state !== connectivityState.READY && state !== connectivityState.CONNECTING) return;
      await new Promise<void>((resolve) =>
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => resolve()),
      );
    }
  }

  #rpcError(error: ServiceError): RpcError {
    const { code, details } = error;
    if (code === status.UNAVAILABLE && /\bEACCES\b/.test(details)) {
      const sentence = `${this.socketPath} may not be used: run as its owner, or start the switch with --group.`;
      return new RpcError(status.PERMISSION_DENIED, sentence, { cause: error });
    }
    if (code === status.UNAVAILABLE && /\b(ENOENT|ECONNREFUSED)\b/.test(details)) {
      const sentence = `no switch answers at ${this.socketPath}: start one with 'tsswitch start'`;
      return new RpcError(code, sentence, { cause: error });
    }
    return new RpcError(code, details, { cause: error });
  }
}
