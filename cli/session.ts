// What: one run of a command: its connection, its options, its output. Why: commands say what they ask and how the
// answer reads, and nothing else. Who: all commands. Invariant: the connection is made when first used, and closed.

import { once } from 'node:events';
import type { Command } from 'commander';
import { RpcError, SwitchClient } from '../src/control/client.ts';
import { type RuntimePaths, runtimePaths } from '../src/control/runtime-paths.ts';
import { BridgeService } from '../src/generated/services.ts';
import { UsageError } from './failure.ts';

/** gRPC status of a switch that does not answer. */
const UNAVAILABLE = 14;

/** Options that every command takes. */
interface GlobalOptions {
  socket?: string;
  state?: string;
  bridge?: string;
  json?: boolean;
}

export class Session {
  readonly paths: RuntimePaths;
  /** Print JSON instead of text. */
  readonly json: boolean;
  /** The bridge given by --bridge; '' stands for the default bridge. */
  readonly #bridgeOption: string;
  #client: SwitchClient | undefined;
  /** A lone argument that could have been meant as a bridge, but there is none of that name. */
  #noBridge: string | undefined;

  constructor(options: GlobalOptions) {
    this.paths = runtimePaths(options);
    this.json = options.json ?? false;
    this.#bridgeOption = options.bridge ?? '';
  }

  get client(): SwitchClient {
    this.#client ??= new SwitchClient(this.paths.socketPath);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }

  /** Writes to stdout, and waits while the reader is slow. */
  async print(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  }

  /** Prints `text`, or with --json the value. `text` is not made when it is not wanted. */
  async answer(value: unknown, text: () => string): Promise<void> {
    await this.print(this.json ? `${JSON.stringify(value, null, 2)}\n` : text());
  }

  /** --bridge, or ''. */
  get bridge(): string {
    return this.#bridgeOption;
  }

  /**
   * Splits `[bridge] a b` when exactly `names` are needed: a further argument in front is the bridge, as in ovs-vsctl
   * and ovs-ofctl. Throws UsageError.
   */
  bridgeAndArguments(args: string[], names: string[]): { bridge: string; rest: string[] } {
    if (args.length < names.length) throw new UsageError(`missing argument ${names[args.length]}`);
    if (args.length === names.length) return { bridge: this.#bridgeOption, rest: args };
    if (args.length > names.length + 1) throw new UsageError(`too many arguments: '${args.at(-1)}'`);
    return { bridge: this.#positionalBridge(args[0]!), rest: args.slice(1) };
  }

  /**
   * Splits `[bridge] [argument]`. A single one is the bridge when there is such a bridge, and is never one when it
   * has a character that only the argument has. Throws UsageError.
   */
  async bridgeAndOptional(args: string[]): Promise<{ bridge: string; argument: string }> {
    const [first = '', second] = args;
    if (args.length > 2) throw new UsageError(`too many arguments: '${args[2]}'`);
    if (second !== undefined) return { bridge: this.#positionalBridge(first), argument: second };
    if (first === '' || this.#bridgeOption !== '' || /[=,]/.test(first)) {
      return { bridge: this.#bridgeOption, argument: first };
    }
    const { bridges } = await this.client.call(BridgeService.listBridges, {});
    const isBridge = bridges.some(({ name }) => name === first);
    if (isBridge) return { bridge: first, argument: '' };
    if (!/^\d+$/.test(first)) this.#noBridge = first;
    return { bridge: '', argument: first };
  }

  /** What a command failed with; a refused argument may have been meant as a bridge. */
  explain(error: unknown): unknown {
    const isRefusal = error instanceof RpcError && error.status !== UNAVAILABLE;
    if (!isRefusal || this.#noBridge === undefined) return error;
    return new Error(`${error.message}\nNor is there a bridge ${this.#noBridge}.`, { cause: error });
  }

  #positionalBridge(name: string): string {
    if (this.#bridgeOption === '' || this.#bridgeOption === name) return name;
    throw new UsageError(`two bridges are given: '${name}' and --bridge ${this.#bridgeOption}`);
  }
}

/** Makes a commander action of a function that gets the session, the arguments and the command's own options. */
export function action<Options>(
  run: (session: Session, args: string[], options: Options) => Promise<void>,
): (this: Command) => Promise<void> {
  return async function (this: Command) {
    const options = this.optsWithGlobals();
    const session = new Session(options);
    try {
      await run(session, this.args, options as Options);
    } catch (error) {
      throw session.explain(error);
    } finally {
      session.close();
    }
  };
}
