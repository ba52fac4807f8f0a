// What: groups from and to the text of ovs-ofctl(8), "Group Syntax": `group_id=1,type=select,bucket=output:1,…`. Why:
// users bring group files of Open vSwitch, and a dump can be fed back in. Who: bridge.ts, bundles.

import { GROUP_MAX } from '../../actions/action.ts';
import { formatActions, parseActionTokens } from '../../actions/text.ts';
import {
  formatPort,
  OFPORT_CONTROLLER,
  OFPORT_MAX,
  OFPORT_NONE,
  type PortNamer,
  type PortResolver,
  parseAnyPort,
} from '../../flow/port-number.ts';
import {
  MAX_U64,
  numberValue,
  parseInteger,
  syntaxError,
  type Token,
  tokenize,
  unknownKey,
  valueError,
} from '../../flow/syntax.ts';
import {
  BUCKET_ALL,
  BUCKET_FIRST,
  BUCKET_LAST,
  type Bucket,
  GROUP_ALL,
  type Group,
  type GroupMod,
  type GroupType,
} from '../entries/group.ts';
import { BUCKET, checkBuckets, checkHead } from './group-check.ts';
import { parseFields } from './group-fields.ts';

type GroupCommand = GroupMod['command'];

const BUCKET_MAX = 0xffff_ff00;
const MAX_U16 = 0xffff;
const TYPES: Record<string, GroupType> = {
  all: 'all',
  select: 'select',
  indirect: 'indirect',
  ff: 'ff',
  fast_failover: 'ff',
};
const BUCKET_WORDS: Record<string, number> = { first: BUCKET_FIRST, last: BUCKET_LAST, all: BUCKET_ALL };
const KEYS = [
  'group_id',
  'type',
  'selection_method',
  'selection_method_param',
  'fields',
  'command_bucket_id',
  'bucket',
];

/** The group mod in `text`; '' with the command delete means all groups. Throws SwitchError invalid-argument. */
export function parseGroupMod(text: string, command: GroupCommand, resolvePort: PortResolver): GroupMod {
  const starts = bucketStarts(text);
  const group: Group = {
    groupId: Number.NaN,
    type: 'all',
    selectionMethod: '',
    selectionMethodParam: 0n,
    fields: undefined,
    buckets: [],
  };
  const mod: GroupMod = { command, group, commandBucketId: undefined };
  const seen = new Map<string, Token>();
  for (const token of tokenize(text, 0, starts[0] ?? text.length)) {
    readKey(text, token, mod, resolvePort);
    seen.set(token.key, token);
  }
  if (command === 'delete' && text.trim() === '') group.groupId = GROUP_ALL;
  checkHead(text, mod, seen, starts);
  group.buckets = withNumbers(
    starts.map((start, i) => {
      const end = starts[i + 1] ?? text.length;
      return parseBucket(text, start, end, mod, resolvePort);
    }),
  );
  checkBuckets(text, mod, starts);
  return mod;
}

/** Where the buckets start. */
function bucketStarts(text: string): number[] {
  const starts: number[] = [];
  for (let at = text.indexOf(BUCKET); at >= 0; at = text.indexOf(BUCKET, at + 1)) {
    if (at === 0 || /[\s,]/.test(text[at - 1]!)) starts.push(at);
  }
  return starts;
}

function readKey(text: string, token: Token, mod: GroupMod, resolvePort: PortResolver): void {
  const { group, command } = mod;
  const isBucketCommand = command === 'insert_buckets' || command === 'remove_buckets';
  const value = token.value ?? '';
  if (token.key === 'group_id') {
    group.groupId =
      value === 'all' ? GROUP_ALL : numberValue(text, token, GROUP_MAX, `a group number 0 to ${GROUP_MAX}`);
    return;
  }
  if (token.key === 'command_bucket_id') {
    if (!isBucketCommand) throw notHere(text, token, 'which is for commands that insert or remove buckets');
    mod.commandBucketId = commandBucket(text, token, command);
    return;
  }
  if (!KEYS.includes(token.key)) throw unknownKey(text, token, 'key', KEYS, KEYS.join(', '));
  if (command === 'delete' || isBucketCommand)
    throw notHere(text, token, 'which is for groups that are added or modified');
  switch (token.key) {
    case 'type': {
      const type = TYPES[value];
      if (!type) throw valueError(text, token, 'all, select, indirect or ff');
      group.type = type;
      break;
    }
    case 'selection_method':
      if (value !== 'hash' && value !== 'dp_hash') throw valueError(text, token, 'hash or dp_hash');
      group.selectionMethod = value;
      break;
    case 'selection_method_param': {
      const param = parseInteger(value);
      if (param === undefined || param > MAX_U64) throw valueError(text, token, 'a number of 64 bits');
      group.selectionMethodParam = param;
      break;
    }
    case 'fields':
      group.fields = parseFields(text, token, resolvePort);
      break;
    default:
      throw unknownKey(text, token, 'key', KEYS, KEYS.join(', '));
  }
}

function commandBucket(text: string, token: Token, command: GroupCommand): number {
  const word = BUCKET_WORDS[token.value ?? ''];
  if (word === BUCKET_ALL && command === 'insert_buckets')
    throw valueError(text, token, 'first, last or a bucket number');
  return word ?? numberValue(text, token, BUCKET_MAX, 'first, last, all or a bucket number');
}

function notHere(text: string, token: Token, why: string) {
  return syntaxError(
    text,
    token.keyAt,
    token.key.length,
    `${token.key} is not needed here`,
    `no ${token.key}, ${why}`,
  );
}

function parseBucket(
  text: string,
  start: number,
  end: number,
  mod: GroupMod,
  resolvePort: PortResolver,
): Bucket {
  const { type } = mod.group;
  const bucket: Bucket = {
    bucketId: BUCKET_ALL,
    weight: type === 'select' ? 1 : 0,
    watchPort: undefined,
    watchGroup: undefined,
    actions: [],
  };
  const actions: Token[] = [];
  let hasActions = false;
  for (const token of tokenize(text, start + BUCKET.length, end)) {
    const key = token.key.toLowerCase();
    if (key === 'weight') bucket.weight = numberValue(text, token, MAX_U16, `a weight 0 to ${MAX_U16}`);
    else if (key === 'bucket_id')
      bucket.bucketId = numberValue(text, token, BUCKET_MAX, `a bucket number 0 to ${BUCKET_MAX}`);
    else if (key === 'watch_group')
      bucket.watchGroup = numberValue(text, token, GROUP_MAX, `a group number 0 to ${GROUP_MAX}`);
    else if (key === 'watch_port') bucket.watchPort = watchPort(text, token, resolvePort);
    else {
      hasActions = true;
      if (key !== 'actions' && key !== 'action') actions.push(token);
      else actions.push(...tokenize(text, token.valueAt, token.valueAt + (token.value?.length ?? 0)));
    }
  }
  if (!hasActions) {
    throw syntaxError(
      text,
      start,
      BUCKET.length - 1,
      'The bucket has no actions',
      'actions= and what to do, or actions=drop',
    );
  }
  bucket.actions = parseActionTokens(text, actions, resolvePort, 'bucket');
  return bucket;
}

function watchPort(text: string, token: Token, resolvePort: PortResolver): number | undefined {
  const port = parseAnyPort(token.value ?? '', resolvePort);
  if (port === OFPORT_NONE) return undefined;
  if (port !== undefined && (port <= OFPORT_MAX || port === OFPORT_CONTROLLER)) return port;
  throw valueError(text, token, 'a port number 0 to 65279 or a port name');
}

/** Gives buckets without a number the lowest ones that are free. */
function withNumbers(buckets: readonly Bucket[]): Bucket[] {
  const taken = new Set(buckets.map(({ bucketId }) => bucketId));
  let next = 0;
  return buckets.map((bucket) => {
    if (bucket.bucketId !== BUCKET_ALL) return bucket;
    while (taken.has(next)) next++;
    return { ...bucket, bucketId: next++ };
  });
}

/** The group as dump-groups prints it, without the space in front. */
export function formatGroup(group: Group, portName?: PortNamer): string {
  let text = `group_id=${group.groupId},type=${group.type}`;
  if (group.selectionMethod !== '') text += `,selection_method=${group.selectionMethod}`;
  if (group.selectionMethodParam !== 0n) text += `,selection_method_param=${group.selectionMethodParam}`;
  if (group.fields)
    text += group.fields.text.includes(',')
      ? `,fields(${group.fields.text})`
      : `,fields=${group.fields.text}`;
  for (const bucket of group.buckets) text += `,${formatBucket(bucket, group.type, portName)}`;
  return text;
}

function formatBucket(bucket: Bucket, type: GroupType, portName: PortNamer | undefined): string {
  let text = `${BUCKET}bucket_id:${bucket.bucketId},`;
  if (bucket.weight !== (type === 'select' ? 1 : 0)) text += `weight:${bucket.weight},`;
  if (bucket.watchPort !== undefined) text += `watch_port:${formatPort(bucket.watchPort, portName)},`;
  if (bucket.watchGroup !== undefined) text += `watch_group:${bucket.watchGroup},`;
  return `${text}actions=${formatActions(bucket.actions, portName)}`;
}
