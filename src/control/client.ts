// What: a client for the switch's gRPC API: unary calls and response streams over a Unix socket. Why: it speaks the
// gRPC wire protocol with Node's own HTTP/2, because loading the full gRPC library takes longer than most commands
// themselves; any other gRPC client works as well. Who: the CLI, tests, and programs that drive a switch.
// Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { createConnection, type Socket } from 'node:net';
import type { Method } from '../generated/services.ts';
import { GRPC_STATUS } from './grpc-status.ts';

/** Flow-control window in bytes: a page of flows must not wait for window updates. */
const WINDOW_BYTES = 1 << 20;
/** Compressed flag (1 byte) and length (4 bytes, big endian) in front of each message. */
const PREFIX_LENGTH = 5;

/** A call that the switch refused or that did not reach it. `message` is one sentence. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** gRPC status code, see GRPC_STATUS. */
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

type UnaryMethod<Req, Res> = Method<Req, unknown, never, Res, false>;
type StreamingMethod<Req, Res> = Method<Req, unknown, never, Res, true>;

/** One connection to one switch. close() it, or the process stays alive. */
export class SwitchClient {
  readonly socketPath: string;
  readonly #session: ClientHttp2Session;
  readonly #closed: Promise<void>;
  /** Why the socket failed; the streams on it only say that they were cancelled. */
  #socketError: Error | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
    const socket: Socket = createConnection(socketPath);
    socket.once('error', (error) => {
      this.#socketError = error;
    });
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#session = connect('http://localhost', {
      createConnection: () => socket,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    // Each call reports the failure of the session for itself.
    this.#session.on('error', () => {});
    this.#session.on('connect', (session) => {
      if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
    });
  }

  /** Calls a method with one reply. Rejects with RpcError. */
  async call<Req, Res>(method: UnaryMethod<Req, Res>, request: Req): Promise<Res> {
    for await (const response of this.#exchange(method, request)) return response;
    throw new RpcError(GRPC_STATUS.internal, `The switch did not answer ${method.path}.`);
  }

  /** Calls a method with a stream of replies; leaving the loop cancels the call. Throws RpcError. */
  stream<Req, Res>(method: StreamingMethod<Req, Res>, request: Req): AsyncGenerator<Res> {
    return this.#exchange(method, request);
  }

  /** Ends the connection once calls under way are answered. */
  close(): void {
    this.#session.close();
  }

  /** Resolves when the connection is gone, whoever ended it. */
  closed(): Promise<void> {
    return this.#closed;
  }

  async *#exchange<Req, Res>(
    method: UnaryMethod<Req, Res> | StreamingMethod<Req, Res>,
    request: Req,
  ): AsyncGenerator<Res> {
    const messages: Res[] = [];
    const decoder = new MessageDecoder();
    let stream: ClientHttp2Stream | undefined;
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    try {
      stream = this.#session.request({
        ':method': 'POST',
        ':path': method.path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('response', (received) => {
        headers = received;
      });
      stream.on('trailers', (received) => {
        trailers = received;
      });
      stream.end(encodeMessage(method.requestSerialize(request)));
      for await (const chunk of stream) {
        for (const bytes of decoder.push(chunk as Buffer)) messages.push(method.responseDeserialize(bytes));
        if (method.responseStream) while (messages.length > 0) yield messages.shift() as Res;
      }
      // A unary reply counts only together with its status.
      throwUnlessOk(method.path, trailers, headers);
      yield* messages;
    } catch (error) {
      throw error instanceof RpcError ? error : this.#connectionError(this.#socketError ?? error);
    } finally {
      stream?.close(constants.NGHTTP2_CANCEL);
    }
  }

  #connectionError(error: unknown): RpcError {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EACCES') {
      const advice = `run as its owner, or start the switch with --group`;
      return new RpcError(GRPC_STATUS.permissionDenied, `${this.socketPath} may not be used: ${advice}.`, {
        cause: error,
      });
    }
    const absent = code === 'ENOENT' || code === 'ECONNREFUSED';
    const sentence = absent
      ? `no switch answers at ${this.socketPath}: start one with 'tsswitch start'`
      : `the connection to the switch at ${this.socketPath} broke (${String(code) || String(error)})`;
    return new RpcError(GRPC_STATUS.unavailable, sentence, { cause: error });
  }
}

function encodeMessage(payload: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_LENGTH);
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

/** Cuts a byte stream into messages. */
class MessageDecoder {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Messages that are complete with these bytes. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < PREFIX_LENGTH) return [];
    if (this.#length < PREFIX_LENGTH + this.#nextLength()) return [];
    const bytes = this.#joined();
    const messages: Buffer[] = [];
    let offset = 0;
    while (bytes.length - offset >= PREFIX_LENGTH) {
      if (bytes[offset] !== 0)
        throw new RpcError(GRPC_STATUS.unimplemented, 'The switch sent a compressed message.');
      const end = offset + PREFIX_LENGTH + bytes.readUInt32BE(offset + 1);
      if (end > bytes.length) break;
      messages.push(bytes.subarray(offset + PREFIX_LENGTH, end));
      offset = end;
    }
    this.#chunks = [bytes.subarray(offset)];
    this.#length = bytes.length - offset;
    return messages;
  }

  /** Length of the message that is being received; joins chunks only while its prefix is split over several. */
  #nextLength(): number {
    if (this.#chunks[0]!.length < PREFIX_LENGTH) this.#joined();
    return this.#chunks[0]!.readUInt32BE(1);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}

/** grpc-status stands in the trailers, or in the headers when there are no messages. */
function throwUnlessOk(path: string, trailers: IncomingHttpHeaders, headers: IncomingHttpHeaders): void {
  const source = trailers['grpc-status'] === undefined ? headers : trailers;
  const status = source['grpc-status'];
  if (status === undefined) {
    throw new RpcError(GRPC_STATUS.unavailable, `The switch ended before it answered ${path}.`);
  }
  if (Number(status) === GRPC_STATUS.ok) return;
  throw new RpcError(Number(status), decodeStatusMessage(String(source['grpc-message'] ?? '')));
}

function decodeStatusMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that is no escape
  }
}
