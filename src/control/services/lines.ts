// What: text of several lines as the datapath takes it: line by line, without comments. Why: files come as they were
// written or as somebody's dump was saved. Who: flow-service.ts and bundle-service.ts.
// Invariant: no line is left out, so that numbers of lines in errors are those of the file.

import { SwitchError } from '../../datapath/index.ts';

/** What a dump begins with when it was not printed to a terminal. */
const DUMP_HEADER = /^(?:NX|OFP)ST_\w+ reply\b/;

/**
 * The lines of a text, with comments (`#` to the end of the line, as in ovs-ofctl), carriage returns and headers of
 * dumps emptied. A line feed at the end begins no further line.
 */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  // Long texts seldom have any of them.
  const hasComments = text.includes('#');
  const hasHeaders = text.includes('ST_');
  const hasReturns = text.includes('\r');
  if (!hasComments && !hasHeaders && !hasReturns) return lines;
  return lines.map((line) => {
    if (hasHeaders && DUMP_HEADER.test(line)) return '';
    const end = hasComments ? line.indexOf('#') : -1;
    const content = end < 0 ? line : line.slice(0, end);
    return hasReturns ? content.replaceAll('\r', '') : content;
  });
}

/** How many lines the datapath reads in one go, some milliseconds; it forwards in between. */
const LINES_AT_ONCE = 1_000;

/** Lines in portions, each with the index of its first line. */
export function* portions(lines: string[]): Generator<{ lines: string[]; at: number }> {
  if (lines.length <= LINES_AT_ONCE) {
    if (lines.length > 0) yield { lines, at: 0 };
    return;
  }
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
    yield { lines: lines.slice(at, at + LINES_AT_ONCE), at };
  }
}

/** The error with the place in the file in front. What is no SwitchError stays as it is. */
export function atLine(error: unknown, source: string, line: number): unknown {
  if (!(error instanceof SwitchError)) return error;
  return new SwitchError(error.code, `${source === '' ? 'line ' : `${source}:`}${line}: ${error.message}`, {
    cause: error,
  });
}
