// What: PacketInClient, an OpenFlow 1.3 controller that only listens to packet-ins. Why: they are a part of what a
// table does with a frame, and Open vSwitch gives them to controllers alone. Who: oracle tests.
// Message layouts: OpenFlow 1.3.5, 7.1 (header), 7.3.2 (set config), 7.3.10 (set async), 7.4.1 (packet-in).

import { connect, type Socket } from 'node:net';

export interface PacketIn {
  /** OFPR_*: 0 no match, 1 action, 2 invalid TTL. */
  reason: number;
  tableId: number;
  cookie: bigint;
  totalLength: number;
  data: Uint8Array;
}

const VERSION = 4;
const HELLO = 0;
const ECHO_REQUEST = 2;
const ECHO_REPLY = 3;
const SET_CONFIG = 9;
const PACKET_IN = 10;
const SET_ASYNC = 28;
const BARRIER_REQUEST = 20;
const BARRIER_REPLY = 21;
const HEADER_LENGTH = 8;
/** Bits of OFPR_NO_MATCH, OFPR_ACTION and OFPR_INVALID_TTL. */
const ALL_REASONS = 0x7;
const NO_BUFFER = 0xffff;

export class PacketInClient {
  /** What came, oldest first; the owner may empty it. */
  readonly received: PacketIn[] = [];
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #barrier: { resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#barrier?.reject(new Error('Open vSwitch closed the connection.')));
  }

  /** Connects to the management socket of a bridge. */
  static async connect(path: string): Promise<PacketInClient> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const opening = connect(path, () => resolve(opening));
      opening.once('error', reject);
    });
    const client = new PacketInClient(socket);
    client.#send(HELLO);
    const config = Buffer.alloc(4);
    config.writeUInt16BE(NO_BUFFER, 2); // miss_send_len; without it a connection of this kind gets no packet-ins
    client.#send(SET_CONFIG, config);
    // Packet-ins of all reasons, those for an expired TTL as well (7.3.10).
    const wanted = Buffer.alloc(24);
    for (const at of [0, 4]) wanted.writeUInt32BE(ALL_REASONS, at); // as master or equal, and as slave
    client.#send(SET_ASYNC, wanted);
    await client.barrier();
    return client;
  }

  /** Resolves when the switch has handled all that was sent before. */
  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#barrier = { resolve, reject };
      if (this.#socket.destroyed) reject(new Error('The connection to Open vSwitch is closed.'));
      else this.#send(BARRIER_REQUEST);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(type: number, body: Buffer = Buffer.alloc(0), xid = 1): void {
    const header = Buffer.from([VERSION, type, 0, 0, 0, 0, 0, 0]);
    header.writeUInt16BE(HEADER_LENGTH + body.length, 2);
    header.writeUInt32BE(xid, 4);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEADER_LENGTH && this.#bytes.length >= this.#bytes.readUInt16BE(2)) {
      const message = this.#bytes.subarray(0, this.#bytes.readUInt16BE(2));
      this.#bytes = this.#bytes.subarray(message.length);
      this.#handle(message);
    }
  }

  #handle(message: Buffer): void {
    const type = message[1];
    if (type === ECHO_REQUEST)
      this.#send(ECHO_REPLY, message.subarray(HEADER_LENGTH), message.readUInt32BE(4));
    else if (type === BARRIER_REPLY) this.#barrier?.resolve();
    else if (type === PACKET_IN) this.received.push(parsePacketIn(message));
  }
}

function parsePacketIn(message: Buffer): PacketIn {
  const matchAt = 24;
  const matchLength = message.readUInt16BE(matchAt + 2);
  const dataAt = matchAt + Math.ceil(matchLength / 8) * 8 + 2;
  return {
    totalLength: message.readUInt16BE(12),
    reason: message[14]!,
    tableId: message[15]!,
    cookie: message.readBigUInt64BE(16),
    data: new Uint8Array(message.subarray(dataAt)),
  };
}
