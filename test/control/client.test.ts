// What: what a caller of the client sees, against a server that sends whatever a test wants.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SwitchClient } from '../../src/control/client.ts';
import { FlowService, tsswitch } from '../../src/generated/services.ts';

let directory: string;
let server: Http2Server;
let client: SwitchClient;
let answer: (stream: ServerHttp2Stream) => void;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-client-'));
  server = createServer().on('stream', (stream) => answer(stream));
  await new Promise<void>((resolve) => server.listen(join(directory, 's.sock'), resolve));
  client = new SwitchClient(join(directory, 's.sock'));
});

afterEach(async () => {
  client.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

function page(match: string): Buffer {
  const message = tsswitch.v1.ListFlowsResponse.encode({ flows: [{ match }] }).finish();
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Answers with these chunks and these trailers. */
function send(chunks: Buffer[], trailers: Record<string, string>) {
  answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  };
}

async function listMatches(): Promise<string[]> {
  const matches: string[] = [];
  for await (const { flows } of client.stream(FlowService.listFlows, {})) matches.push(flows[0]!.match);
  return matches;
}

it('yields messages in order, and leaving the loop cancels the call', async () => {
  send(['a', '', 'tcp'].map(page), { 'grpc-status': '0' });
  expect(await listMatches()).toEqual(['a', '', 'tcp']);

  const cancelled = new Promise((resolve) => {
    answer = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.on('close', () => resolve(true));
      stream.write(page('first'));
    };
  });
  for await (const { flows } of client.stream(FlowService.listFlows, {})) {
    expect(flows[0]!.match).toBe('first');
    break;
  }
  expect(await cancelled).toBe(true);
});

it('reads a status that comes without messages', async () => {
  answer = (stream) => {
    const headers = { 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'no%20bridge' };
    stream.respond({ ':status': 200, ...headers }, { endStream: true });
  };
  await expect(listMatches()).rejects.toMatchObject({ status: status.NOT_FOUND, message: 'no bridge' });
});

it('reports a failure that comes after messages', async () => {
  send([page('a')], { 'grpc-status': '13', 'grpc-message': '100 % wrong' });
  const flows = client.stream(FlowService.listFlows, {});
  expect((await flows.next()).value?.flows[0]?.match).toBe('a');
  await expect(flows.next()).rejects.toMatchObject({ status: status.INTERNAL, message: '100 % wrong' });
});

it('says so when the switch goes away in the middle', async () => {
  answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(page('a'), () => stream.session?.destroy());
  };
  await expect(listMatches()).rejects.toMatchObject({ status: status.UNAVAILABLE });
  await client.closed();
  await expect(listMatches()).rejects.toMatchObject({ name: 'RpcError', status: status.UNAVAILABLE });
});
