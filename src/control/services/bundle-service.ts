// What: bundles, see proto/tsswitch/v1/bundle.proto. Who: grpc-server.ts serves it.
// Invariant: whatever ends the call early (an error, a caller that went away) leaves no open bundle behind.

import { type BundleOptions, type DatapathClient, SwitchError } from '../../datapath/index.ts';
import { type BundleService, type Received, tsswitch } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import type { Handlers } from './handlers.ts';
import { linesOf, portions } from './lines.ts';

const { BundleSyntax } = tsswitch.v1;

export function bundleService(datapath: DatapathClient): Handlers<typeof BundleService> {
  return {
    async applyBundle(requests) {
      let open: OpenBundle | undefined;
      try {
        for await (const request of requests) {
          open ??= await OpenBundle.open(datapath, request);
          await open.add(request.text);
          if (!request.commit) continue;
          const { changes, deletedFlows } = await open.commit();
          return { changeCount: changes, deletedFlowCount: deletedFlows };
        }
      } finally {
        await open?.discard();
      }
      throw new SwitchError('invalid-argument', 'The bundle ended without a commit: nothing was changed.');
    },
  };
}

class OpenBundle {
  readonly #datapath: DatapathClient;
  /** Undefined when the datapath has forgotten it. */
  #id: number | undefined;
  #nextLine = 1;

  private constructor(datapath: DatapathClient, id: number) {
    this.#datapath = datapath;
    this.#id = id;
  }

  static async open(
    datapath: DatapathClient,
    request: Received<tsswitch.v1.IApplyBundleRequest>,
  ): Promise<OpenBundle> {
    const { bridge, syntax, replaceFlows, source } = request;
    const lines = linesKindOf(syntax);
    const options: BundleOptions = { lines, replaceFlows, ...(source === '' ? {} : { source }) };
    const id = await datapath.openBundle(bridge || DEFAULT_BRIDGE, options);
    return new OpenBundle(datapath, id);
  }

  /** Adds lines. When one is wrong the datapath has thrown the bundle away. */
  async add(text: string): Promise<void> {
    const lines = linesOf(text);
    const id = this.#id!;
    const firstLine = this.#nextLine;
    this.#nextLine += lines.length;
    this.#id = undefined;
    for (const portion of portions(lines)) {
      await this.#datapath.addToBundle(id, portion.lines, firstLine + portion.at);
    }
    this.#id = id;
  }

  commit(): ReturnType<DatapathClient['commitBundle']> {
    const id = this.#id!;
    this.#id = undefined;
    return this.#datapath.commitBundle(id);
  }

  async discard(): Promise<void> {
    if (this.#id !== undefined) await this.#datapath.discardBundle(this.#id);
    this.#id = undefined;
  }
}

function linesKindOf(syntax: tsswitch.v1.BundleSyntax): BundleOptions['lines'] {
  switch (syntax) {
    case BundleSyntax.BUNDLE_SYNTAX_UNSPECIFIED:
    case BundleSyntax.BUNDLE_SYNTAX_FLOWS:
      return 'flows';
    case BundleSyntax.BUNDLE_SYNTAX_BUNDLE:
      return 'bundle';
    case BundleSyntax.BUNDLE_SYNTAX_GROUPS:
      return 'groups';
    default:
      throw new SwitchError(
        'invalid-argument',
        `This switch knows no bundle syntax with the number ${syntax}.`,
      );
  }
}
