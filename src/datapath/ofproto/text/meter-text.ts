// What: meters from and to the text of ovs-ofctl(8), "Meter Syntax": `meter=1 pktps burst bands=type=drop rate=9 …`.
// Why: users bring them from Open vSwitch, and a dump can be fed back in. Who: meter-table.ts, bridge.ts.

import { METER_MAX } from '../../actions/action.ts';
import {
  numberValue,
  parseUnsigned,
  syntaxError,
  type Token,
  tokenize,
  unknownKey,
  valueError,
} from '../../flow/syntax.ts';
import { METER_ALL, type Meter, type MeterBand } from '../entries/meter.ts';

const MAX_U32 = 0xffff_ffff;
/** Meters with a meaning of their own (OpenFlow 1.3, enum ofp_meter). */
const RESERVED: ReadonlyMap<string, number> = new Map([
  ['slowpath', 0xffff_fffd],
  ['controller', 0xffff_fffe],
  ['all', 0xffff_ffff],
]);
const METER_KEYS = ['meter', 'kbps', 'pktps', 'burst', 'stats', 'bands'];
const BAND_KEYS = ['type', 'rate', 'burst_size'];

/**
 * The meter in `text`; with the command delete only its number, which may be that of all meters. Throws SwitchError
 * invalid-argument.
 */
export function parseMeter(text: string, command: 'add' | 'modify' | 'delete'): Meter {
  const bands: MeterBand[] = [];
  const bandTokens: Token[] = [];
  const units: Token[] = [];
  let [meterId, burst, stats, inBands] = [0, false, false, false];
  for (const token of splitBands(text, tokenize(text))) {
    const { key } = token;
    if (inBands) {
      readBand(text, token, bands);
      bandTokens.push(token);
    } else if (key === 'meter') meterId = parseMeterId(text, token, command);
    else if (command === 'delete') throw unknownMeterKey(text, token, ['meter']);
    else if (key === 'bands' || key === 'band') inBands = true;
    else if (key === 'kbps' || key === 'pktps') units.push(token);
    else if (key === 'burst') burst = true;
    else if (key === 'stats') stats = true;
    else throw unknownMeterKey(text, token, METER_KEYS);
  }
  if (meterId === 0) throw missing(text, 'The meter has no number', 'meter= and a number');
  const unit = units[0]?.key === 'pktps' ? 'pktps' : 'kbps';
  const meter: Meter = { meterId, unit, burst, stats, bands };
  if (command === 'delete') return meter;
  checkUnits(text, units);
  if (bands.length === 0) throw missing(text, 'The meter has no bands', 'bands=type=drop rate=…');
  checkBands(text, meter, bandTokens);
  return meter;
}

/** Makes of the token `bands=type=drop` two. */
function splitBands(text: string, tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    if ((token.key !== 'bands' && token.key !== 'band') || !token.value) return [token];
    return [token, ...tokenize(text, token.valueAt, token.valueAt + token.value.length)];
  });
}

function parseMeterId(text: string, token: Token, command: string): number {
  const written = token.value ?? '';
  const reserved = RESERVED.get(written);
  const number = reserved ?? parseUnsigned(written, 0, written.length);
  const isOne = number >= 1 && number <= METER_MAX;
  if (isOne || (reserved !== undefined && (reserved !== METER_ALL || command === 'delete'))) return number;
  throw valueError(text, token, `a number 1 to ${METER_MAX}, controller or slowpath`);
}

function readBand(text: string, token: Token, bands: MeterBand[]): void {
  const band = bands.at(-1);
  if (token.key === 'type') {
    if (token.value !== 'drop') throw valueError(text, token, 'drop, the only type of band there is');
    bands.push({ rate: 0, burstSize: 0 });
  } else if (!BAND_KEYS.includes(token.key)) {
    throw unknownMeterKey(text, token, BAND_KEYS);
  } else if (!band) {
    throw syntaxError(text, token.keyAt, token.key.length, 'A band starts with its type', 'type=drop before');
  } else {
    const number = numberValue(text, token, MAX_U32);
    if (token.key === 'rate') band.rate = number;
    else band.burstSize = number;
  }
}

function checkUnits(text: string, units: readonly Token[]): void {
  const expected = 'either kbps or pktps';
  if (units.length === 0) throw missing(text, 'The meter has no unit', expected);
  const other = units.find(({ key }) => key !== units[0]!.key);
  if (other) throw at(text, other, 'The meter has two units', expected);
}

function checkBands(text: string, { burst, bands }: Meter, tokens: readonly Token[]): void {
  const starts = tokens.filter(({ key }) => key === 'type');
  for (const [i, { rate, burstSize }] of bands.entries()) {
    if (rate === 0) throw at(text, starts[i]!, 'A band needs a rate', 'rate= and a number above 0');
    if (burst && burstSize === 0) {
      const expected = 'burst_size= and a number above 0';
      throw at(text, starts[i]!, 'With burst a band needs its burst_size', expected);
    }
    if (!burst && burstSize !== 0) {
      const token = tokens.find(({ key }) => key === 'burst_size')!;
      throw at(text, token, 'burst_size counts with burst only', 'the word burst before bands=');
    }
  }
}

/** The error for a token that something is wrong with. */
function at(text: string, { key, keyAt }: Token, problem: string, expected: string) {
  return syntaxError(text, keyAt, key.length, problem, expected);
}

/** The error for what is not there: it belongs at the end. */
function missing(text: string, problem: string, expected: string) {
  return syntaxError(text, text.trimEnd().length, 1, problem, expected);
}

function unknownMeterKey(text: string, token: Token, keys: readonly string[]) {
  return unknownKey(text, token, 'key', keys, keys.join(', '));
}

/** The meter as dump-meters prints it: a line, and one for each band; no newline at the end. */
export function formatMeter({ meterId, unit, burst, stats, bands }: Meter): string {
  const words = [unit, burst ? 'burst' : '', stats ? 'stats' : ''].filter((word) => word !== '').join(' ');
  const lines = bands.map(
    ({ rate, burstSize }) => `\ntype=drop rate=${rate}${burst ? ` burst_size=${burstSize}` : ''}`,
  );
  return `meter=${formatMeterId(meterId)} ${words} bands=${lines.join('')}`;
}

/** The number of a meter, reserved ones by their name. */
export function formatMeterId(meterId: number): string {
  for (const [name, number] of RESERVED) if (number === meterId) return name;
  return String(meterId);
}
