// What: the client's half of the gRPC wire protocol, against a server that sends whatever a test wants.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SwitchClient } from '../../src/control/client.ts';
import { GRPC_STATUS } from '../../src/control/grpc-status.ts';
import { FlowService, SwitchService, tsswitch } from '../../src/generated/services.ts';

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

it('reads messages however they are cut into chunks', async () => {
  const texts = ['', 'a', 'tcp', 'x'.repeat(300), ''];
  const bytes = Buffer.concat(texts.map(page));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 30 }), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      send(
        edges.slice(1).map((end, index) => bytes.subarray(edges[index], end)),
        { 'grpc-status': '0' },
      );
      expect(await listMatches()).toEqual(texts);
    }),
    { numRuns: 50 },
  );
});

it('reads a status that comes without messages', async () => {
  answer = (stream) => {
    const headers = { 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'no%20bridge' };
    stream.respond({ ':status': 200, ...headers }, { endStream: true });
  };
  await expect(listMatches()).rejects.toMatchObject({ status: GRPC_STATUS.notFound, message: 'no bridge' });
});

it('reports a failure that comes after messages', async () => {
  send([page('a')], { 'grpc-status': '13', 'grpc-message': '100 % wrong' });
  const flows = client.stream(FlowService.listFlows, {});
  expect((await flows.next()).value?.flows[0]?.match).toBe('a');
  await expect(flows.next()).rejects.toMatchObject({ status: GRPC_STATUS.internal, message: '100 % wrong' });
});

it('takes a reply without status for none', async () => {
  send([page('a')], {});
  await expect(client.call(SwitchService.getSwitch, {})).rejects.toMatchObject({
    status: GRPC_STATUS.unavailable,
    message: 'The switch ended before it answered /tsswitch.v1.SwitchService/GetSwitch.',
  });
});

it('takes a status without reply for a broken switch', async () => {
  send([], { 'grpc-status': '0' });
  await expect(client.call(SwitchService.getSwitch, {})).rejects.toMatchObject({
    status: GRPC_STATUS.internal,
  });
});

it('refuses a compressed message', async () => {
  const compressed = page('a');
  compressed[0] = 1;
  send([compressed], { 'grpc-status': '0' });
  await expect(listMatches()).rejects.toMatchObject({ status: GRPC_STATUS.unimplemented });
});

it('says so when the switch goes away in the middle', async () => {
  answer = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write(page('a'), () => stream.session?.destroy());
  };
  await expect(listMatches()).rejects.toMatchObject({ status: GRPC_STATUS.unavailable });
  await client.closed();
  await expect(listMatches()).rejects.toMatchObject({ name: 'RpcError', status: GRPC_STATUS.unavailable });
});
