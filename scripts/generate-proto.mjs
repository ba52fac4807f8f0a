// What: turns proto/ into src/generated/: proto.js and proto.d.ts (messages, by protobufjs) and services.ts (a typed
// table of all gRPC methods). Why: static code needs no parser at run time, and a method that is missing on either
// side is a compile error. Who: build.mjs. The output is not under version control.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import protobuf from 'protobufjs';
import pbjs from 'protobufjs-cli/pbjs.js';
import pbts from 'protobufjs-cli/pbts.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'src/generated');
const folder = join(root, 'proto/tsswitch/v1');
const protoFiles = readdirSync(folder)
  .filter((name) => name.endsWith('.proto'))
  .sort()
  .map((name) => join(folder, name));

const HEADER = '// Generated from proto/ by scripts/generate-proto.mjs. Do not edit.\n';

/** Static message code. `comments` feeds pbts, which reads types from them; without it is what runs. */
async function messageCode(comments) {
  const options = ['--target=static-module', '--wrap=es6', '--es6', '--root=tsswitch', '--force-number'];
  const leftOut = ['--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'];
  if (comments) options.push('--alt-comment');
  else leftOut.push('--no-comments');
  return promisify(pbjs.main)([
    ...options,
    ...leftOut,
    '--dependency=protobufjs/minimal.js',
    '--path',
    join(root, 'proto'),
    ...protoFiles,
  ]);
}

/**
 * The module that Node runs. protobufjs is CommonJS, so only its default export holds all names. 64-bit fields that
 * were not sent are the number 0, as the types say, also where the `long` package is around.
 */
async function runtimeCode() {
  const code = await messageCode(false);
  return (
    HEADER +
    code
      .replace('import * as $protobuf from', 'import $protobuf from')
      .replaceAll(/\$util\.Long \? \$util\.Long\.fromBits\(0,0,(true|false)\) : 0;/g, '0;')
  );
}

/** Types of the messages. All 64-bit fields are numbers, so the `long` package is not referred to. */
async function typeCode() {
  const directory = mkdtempSync(join(tmpdir(), 'tsswitch-proto-'));
  try {
    const commented = join(directory, 'proto.js');
    writeFileSync(commented, await messageCode(true));
    const code = await promisify(pbts.main)([commented]);
    return HEADER + code.replace('import Long = require("long");\n', '');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1);

function methodCode(service, method) {
  const path = `/${service.fullName.slice(1)}/${method.name}`;
  const request = `tsswitch.v1.${method.requestType}`;
  const response = `tsswitch.v1.${method.responseType}`;
  if (method.requestStream && method.responseStream)
    throw new Error(`${path}: streams both ways have no support yet`);
  const kind = method.requestStream ? 'collecting' : method.responseStream ? 'streaming' : 'unary';
  return `  ${lowerFirst(method.name)}: ${kind}('${path}', ${request}, ${response}),\n`;
}

function serviceCode(service) {
  const methods = service.methodsArray.map((method) => methodCode(service, method));
  return `\n${docComment(service)}export const ${service.name} = {\n${methods.join('')}} as const;\n`;
}

/** A name for each message that other messages are made of, as it arrives. */
function typeCodeOf(message) {
  return `export type ${message.name} = Received<tsswitch.v1.I${message.name}>;\n`;
}

const docComment = (thing) => (thing.comment ? `/** ${thing.comment.replaceAll('\n', ' ')} */\n` : '');

const SERVICES_PROLOGUE = `${HEADER}
import protobuf from 'protobufjs/minimal.js';
import { tsswitch } from './proto.js';

export { tsswitch };

/**
 * Reads 64-bit numbers as JavaScript numbers, exact up to 2^53, as the generated types say. protobufjs itself would
 * return Long objects as soon as any package of the process brought the \`long\` library.
 */
class NumberReader extends protobuf.BufferReader {
  override uint64() {
    return Number(super.uint64()) as never;
  }
  override int64() {
    return Number(super.int64()) as never;
  }
}

/**
 * A message as it arrives: a field that was not sent has its default value, a message that was not sent is null. What
 * one sends (\`tsswitch.v1.IPort\`) may leave fields out.
 */
export type Received<Sent> = { [Name in keyof Sent]-?: ReceivedField<NonNullable<Sent[Name]>> };
type ReceivedField<Field> = Field extends (infer Item)[]
  ? ReceivedItem<Item>[]
  : Field extends Uint8Array
    ? Uint8Array
    : Field extends object
      ? Received<Field> | null
      : Field;
type ReceivedItem<Item> = Item extends object ? Received<Item> : Item;

interface MessageType<Sent> {
  encode(message: Sent): protobuf.Writer;
  decode(reader: protobuf.Reader): unknown;
}

/** What flows as a stream: neither side, the replies, or the requests. */
export type MethodKind = 'unary' | 'streaming' | 'collecting';

/** One gRPC method. \`Req\` and \`Res\` are what is sent, \`ReqM\` and \`ResM\` what arrives. */
export interface Method<Req, ReqM, Res, ResM, Kind extends MethodKind = MethodKind> {
  readonly path: string;
  readonly kind: Kind;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: Req) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => ReqM;
  readonly responseSerialize: (message: Res) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => ResM;
}

// biome-ignore lint/suspicious/noExplicitAny: stands for a method whatever its messages
export type AnyMethod = Method<any, any, any, any>;

function method<Req, Res, Kind extends MethodKind>(
  path: string,
  kind: Kind,
  request: MessageType<Req>,
  response: MessageType<Res>,
): Method<Req, Received<Req>, Res, Received<Res>, Kind> {
  return {
    path,
    kind,
    requestStream: kind === 'collecting',
    responseStream: kind === 'streaming',
    requestSerialize: (message) => request.encode(message).finish() as Buffer,
    requestDeserialize: (bytes) => request.decode(new NumberReader(bytes)) as Received<Req>,
    responseSerialize: (message) => response.encode(message).finish() as Buffer,
    responseDeserialize: (bytes) => response.decode(new NumberReader(bytes)) as Received<Res>,
  };
}

function unary<Req, Res>(
  path: string,
  request: MessageType<Req>,
  response: MessageType<Res>,
): Method<Req, Received<Req>, Res, Received<Res>, 'unary'> {
  return method(path, 'unary', request, response);
}

function streaming<Req, Res>(
  path: string,
  request: MessageType<Req>,
  response: MessageType<Res>,
): Method<Req, Received<Req>, Res, Received<Res>, 'streaming'> {
  return method(path, 'streaming', request, response);
}

function collecting<Req, Res>(
  path: string,
  request: MessageType<Req>,
  response: MessageType<Res>,
): Method<Req, Received<Req>, Res, Received<Res>, 'collecting'> {
  return method(path, 'collecting', request, response);
}
`;

function servicesCode() {
  const definitions = new protobuf.Root();
  definitions.resolvePath = (_origin, target) => resolve(root, 'proto', target);
  definitions.loadSync(protoFiles, { alternateCommentMode: true });
  const all = definitions.lookup('tsswitch.v1').nestedArray;
  const services = all.filter((item) => item instanceof protobuf.Service);
  const messages = all.filter((item) => item instanceof protobuf.Type && !item.name.endsWith('Request'));
  return [SERVICES_PROLOGUE, '\n', ...messages.map(typeCodeOf), ...services.map(serviceCode)].join('');
}

mkdirSync(output, { recursive: true });
const [runtime, types] = await Promise.all([runtimeCode(), typeCode()]);
writeFileSync(join(output, 'proto.js'), runtime);
writeFileSync(join(output, 'proto.d.ts'), types);
writeFileSync(join(output, 'services.ts'), servicesCode());
