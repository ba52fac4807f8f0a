// What: reads files of flows in chunks of whole lines. Why: a file of a hundred thousand flows goes to the switch in
// some dozen messages, while it is being read, and nothing is parsed on the way. Who: the commands that take a file.

import { open } from 'node:fs/promises';

/** What a message holds at most, unless a single line is longer. */
const CHUNK_BYTES = 256 << 10;
/** The longest line, far above what a flow needs and below what a message may hold. */
const LINE_BYTES = 1 << 20;
const LINE_FEED = 10;
/** What some editors begin a file with. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** How errors call a file: its name as it was given. */
export function sourceName(path: string): string {
  return path === '-' ? '<stdin>' : path;
}

/** The text of a file, or of standard input for `-`, in chunks that end where a line ends. Throws with a sentence. */
export async function* chunksOfLines(path: string): AsyncGenerator<string> {
  let rest: Buffer | undefined;
  let line = 1;
  for await (const read of withoutMark(buffersOf(path))) {
    const bytes: Buffer = rest === undefined ? read : Buffer.concat([rest, read]);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    rest = end === bytes.length ? undefined : bytes.subarray(end);
    if (end > 0) {
      const text = bytes.toString('utf8', 0, end);
      line += text.split('\n').length - 1;
      yield text;
    }
    if (rest !== undefined && rest.length > LINE_BYTES) {
      throw new Error(`${sourceName(path)}:${line}: the line is longer than ${LINE_BYTES >> 20} MiB`);
    }
  }
  if (rest !== undefined) yield rest.toString('utf8');
}

/** The same without a byte order mark in front. */
async function* withoutMark(buffers: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const bytes of buffers) {
    const isMarked = isFirst && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    yield isMarked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
    isFirst = false;
  }
}

async function* buffersOf(path: string): AsyncGenerator<Buffer> {
  if (path === '-') {
    for await (const chunk of process.stdin) yield chunk as Buffer;
    return;
  }
  try {
    const file = await open(path);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) });
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`${path} cannot be read: ${reason(error as NodeJS.ErrnoException)}`, { cause: error });
  }
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'you may not read it';
  return message;
}
