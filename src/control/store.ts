// What: the configuration of a switch in one JSON file: its identity, bridges, ports and settings. Why: they survive
// a restart. Who: switch-configuration.ts, which serialises all writes.
// Invariant: the file is always one complete state, the old one or the new one, also after a crash or a power cut.
//
//   { "version": 1, "systemUuid": "…", "bridges": [ { "spec": BridgeSpec, "ports": [ { name, type, ofport } ] } ] }

import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BridgeSpec, type PortType, SwitchError } from '../datapath/index.ts';
import { systemErrorCode } from './system-error.ts';

export const STATE_VERSION = 1;

export interface StoredPort {
  name: string;
  type: PortType;
  ofport: number;
}

export interface StoredBridge {
  spec: BridgeSpec;
  /** Without the local port, which belongs to the bridge. */
  ports: StoredPort[];
}

export interface StoredState {
  systemUuid: string;
  bridges: StoredBridge[];
}

export interface LoadedState {
  /** Undefined: there was no file, or none that could be read. */
  state: StoredState | undefined;
  /** What the operator must know, one sentence each. */
  notices: string[];
}

/** A switch that has never been configured. */
export function emptyState(): StoredState {
  return { systemUuid: randomUUID(), bridges: [] };
}

export class Store {
  readonly path: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'state.json');
  }

  /**
   * Reads the state. A damaged file is set aside under a name that a notice tells. Throws SwitchError when a newer
   * tsswitch wrote it, or when it cannot be read.
   */
  async load(): Promise<LoadedState> {
    const text = await this.#read();
    if (text === undefined) return { state: undefined, notices: [] };
    const content = parseJson(text);
    if (isRecord(content) && typeof content['version'] === 'number' && content['version'] > STATE_VERSION) {
      throw new SwitchError(
        'failed-precondition',
        `${this.path} was written by a newer tsswitch (its version is ${content['version']}, this program knows ` +
          `${STATE_VERSION}): upgrade tsswitch, or choose another directory with --state.`,
      );
    }
    if (isStateFile(content)) {
      const { systemUuid, bridges } = content;
      return { state: { systemUuid, bridges }, notices: [] };
    }
    const aside = `${this.path}.damaged-${new Date().toISOString().replace(/[:.]/g, '')}`;
    await rename(this.path, aside);
    return {
      state: undefined,
      notices: [`${this.path} was damaged: it is now ${aside}, and a new state begins.`],
    };
  }

  /** Replaces the state. After it returns the new state is on disk; when it throws SwitchError the old one is. */
  async save(state: StoredState): Promise<void> {
    const temporary = `${this.path}.new`;
    try {
      await writeDurably(temporary, `${JSON.stringify({ version: STATE_VERSION, ...state }, null, 2)}\n`);
      await rename(temporary, this.path);
      await syncDirectory(this.#directory);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw new SwitchError(
        'failed-precondition',
        `The state cannot be written to ${this.path} (${systemErrorCode(error) || error}): nothing was changed.`,
        { cause: error },
      );
    }
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return undefined;
      throw new SwitchError('failed-precondition', `The state in ${this.path} cannot be read (${code}).`, {
        cause: error,
      });
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without this a power cut may forget the rename. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isPort(value: unknown): value is StoredPort {
  return (
    isRecord(value) && isText(value['name']) && isPortType(value['type']) && Number.isInteger(value['ofport'])
  );
}

function isPortType(value: unknown): value is PortType {
  return value === 'tap' || value === 'system' || value === 'internal' || value === 'memory';
}

function isBridgeSpec(value: unknown): value is BridgeSpec {
  return (
    isRecord(value) &&
    isText(value['name']) &&
    isText(value['datapathId']) &&
    isText(value['address']) &&
    (value['failMode'] === 'standalone' || value['failMode'] === 'secure') &&
    isListOf(value['protocols'], isText) &&
    Number.isInteger(value['macAgeSeconds']) &&
    Number.isInteger(value['macTableSize'])
  );
}

function isBridge(value: unknown): value is StoredBridge {
  return isRecord(value) && isBridgeSpec(value['spec']) && isListOf(value['ports'], isPort);
}

function isStateFile(value: unknown): value is StoredState & { version: number } {
  return (
    isRecord(value) &&
    value['version'] === STATE_VERSION &&
    isText(value['systemUuid']) &&
    isListOf(value['bridges'], isBridge)
  );
}
