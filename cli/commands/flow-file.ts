// What: add-flows, replace-flows, diff-flows, parse-flows, bundle: many flows at once, mostly from files, as ovs-ofctl
// has them. Who: program.ts. A file is one transaction: an error names its line, and then nothing has changed.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { BundleService, FlowService, tsswitch } from '../../src/generated/services.ts';
import { EXIT_DIFFERENT } from '../failure.ts';
import { chunksOfLines, sourceName } from '../flow-files.ts';
import { FlowSet } from '../format/flow-diff.ts';
import { bundleJson } from '../format/json.ts';
import { action, type Session } from '../session.ts';
import { forOvs } from './ovs-options.ts';
import { forParsing, parseFlows } from './parsed-flows.ts';

const { BundleSyntax } = tsswitch.v1;

const ADD_FLOWS_HELP = `
A line is a flow as add-flow takes it, with add, modify, modify_strict, delete or delete_strict in front where it is to
do something else. Empty lines and what follows a # say nothing. Examples:
  tsswitch add-flows flows.txt
  tsswitch dump-flows --no-stats br0 | tsswitch add-flows br1 -`;

const DIFF_FLOWS_HELP = `
A side is a file when it begins with / or . or is the name of one, else a bridge. The exit code is 0 when both are
the same and 2 when they differ. Examples:
  tsswitch diff-flows br0 flows.txt               - what only the bridge has, + what only the file has
  tsswitch diff-flows old.txt new.txt`;

const BUNDLE_HELP = `
Each line says what it changes: flow, group, meter or port. Frames of packet-out lines are sent when all else is done.
Example of a file:
  group add group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2
  flow add priority=10,actions=group:1
  flow delete priority=5,tcp
  meter add meter=1,pktps,bands=type=drop,rate=1000
  port s1 no-flood
  packet-out in_port=controller packet=ffffffffffff0200000000010806... actions=output:1`;

export function addFlowFileCommands(program: Command): void {
  forOvs(program.command('add-flows'), '--bundle', '--readd')
    .description('add, modify and delete the flows of a file, all or none')
    .usage('[options] [bridge] <file>')
    .argument('<file...>', 'name of the file, or - for standard input')
    .addHelpText('after', ADD_FLOWS_HELP)
    .action(action((session, args) => applyFile(session, args, {})));
  forOvs(program.command('replace-flows'), '--bundle', '--readd')
    .description('give a bridge exactly the flows of a file; those that it has keep their counters')
    .usage('[options] [bridge] <file>')
    .argument('<file...>', 'name of the file, or - for standard input')
    .action(action((session, args) => applyFile(session, args, { replaceFlows: true })));
  program
    .command('diff-flows')
    .description('print how the flows of two bridges or files differ')
    .argument('<a>', 'bridge or file')
    .argument('<b>', 'bridge or file')
    .addHelpText('after', DIFF_FLOWS_HELP)
    .action(action(diffFlows));
  forParsing(program.command('parse-flows'))
    .description('print the flows of a file as the switch understands them, and change nothing')
    .usage('[options] [bridge] <file>')
    .argument('<file...>', 'name of the file, or - for standard input')
    .action(action(parseFlows));
  program
    .command('bundle')
    .description('carry out the changes of a file to flows, groups, meters and ports, all or none')
    .usage('[options] [bridge] <file>')
    .argument('<file...>', 'name of the file, or - for standard input')
    .addHelpText('after', BUNDLE_HELP)
    .action(
      action((session, args) => applyFile(session, args, { syntax: BundleSyntax.BUNDLE_SYNTAX_BUNDLE })),
    );
}

/** How the lines of a file are to be read. */
type FileOptions = Pick<tsswitch.v1.IApplyBundleRequest, 'syntax' | 'replaceFlows'>;

/** Sends a file to a bridge as one transaction. `args` are `[bridge] file`. */
export async function applyFile(session: Session, args: string[], options: FileOptions): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['file']);
  const requests = bundleRequests(rest[0]!, { ...options, bridge });
  const result = await session.client.upload(BundleService.applyBundle, requests);
  await session.answer(bundleJson(result), () => '');
}

async function* bundleRequests(
  path: string,
  options: tsswitch.v1.IApplyBundleRequest,
): AsyncGenerator<tsswitch.v1.IApplyBundleRequest> {
  let first: tsswitch.v1.IApplyBundleRequest = { ...options, source: sourceName(path) };
  for await (const text of chunksOfLines(path)) {
    yield { ...first, text };
    first = {};
  }
  yield { ...first, commit: true };
}

async function diffFlows(session: Session, [a, b]: string[]): Promise<void> {
  const sides = [a!, b!] as const;
  // Names of ports in a file are those of the bridge on the other side.
  const bridge = sides.find((side) => !isFile(side)) ?? session.bridge;
  const [left, right] = await Promise.all(sides.map((side) => flowsOf(session, side, bridge)));
  const differences = left!.differences(right!);
  if (differences.length > 0) process.exitCode = EXIT_DIFFERENT;
  const lines = () => differences.join('').split('\n').slice(0, -1);
  await session.answer(session.json ? lines() : undefined, () => differences.join(''));
}

/** As ovs-ofctl decides it; no bridge has a slash in its name. */
function isFile(side: string): boolean {
  return /^\.|\//.test(side) || side === '-' || existsSync(side);
}

async function flowsOf(session: Session, side: string, bridge: string): Promise<FlowSet> {
  const found = new FlowSet();
  if (!isFile(side)) {
    const pages = session.client.stream(FlowService.dumpFlows, { bridge: side, withoutStats: true });
    for await (const { text } of pages) found.add(text);
    return found;
  }
  let firstLine = 1;
  let coming: Promise<{ text: string }> | undefined;
  for await (const text of chunksOfLines(side)) {
    const request = { bridge, text, firstLine, source: sourceName(side) };
    const answer = session.client.call(FlowService.normalizeFlows, request);
    answer.catch(() => {}); // whoever waits below gets it
    // The switch reads a chunk while the one before is taken in.
    if (coming) found.add((await coming).text);
    coming = answer;
    firstLine += text.split('\n').length - 1;
  }
  if (coming) found.add((await coming).text);
  return found;
}
