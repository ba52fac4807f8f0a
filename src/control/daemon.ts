// What: a running switch: datapath, configuration and gRPC server, put together and taken apart in order. Why: the
// parts do not know each other. Who: main.ts runs one in a process; tests run several with datapaths of their own.
// Invariant: when start() fails, nothing that it opened stays open; after stop() neither.

import { join } from 'node:path';
import { type DatapathClient, lockFile, SwitchError, startDatapath } from '../datapath/index.ts';
import {
  BridgeService,
  BundleService,
  EventService,
  FdbService,
  FlowService,
  GroupService,
  MeterService,
  PortService,
  StatsService,
  SwitchService,
  TableService,
  TraceService,
} from '../generated/services.ts';
import type { GrpcServer } from './grpc-server.ts';
import { prepareDirectories } from './runtime-directory.ts';
import type { RuntimePaths } from './runtime-paths.ts';
import { bridgeService } from './services/bridge-service.ts';
import { bundleService } from './services/bundle-service.ts';
import { eventService } from './services/event-service.ts';
import { fdbService } from './services/fdb-service.ts';
import { flowService } from './services/flow-service.ts';
import { groupService } from './services/group-service.ts';
import { meterService } from './services/meter-service.ts';
import { portService } from './services/port-service.ts';
import { statsService } from './services/stats-service.ts';
import { switchService } from './services/switch-service.ts';
import { tableService } from './services/table-service.ts';
import { traceService } from './services/trace-service.ts';
import { claimSocketPath, shareSocketWithGroup } from './socket-file.ts';
import { Store } from './store.ts';
import { SwitchConfiguration } from './switch-configuration.ts';
import { programVersion } from './version.ts';

export interface DaemonOptions extends RuntimePaths {
  /** Name or number of a group whose members may use the socket. */
  group?: string | undefined;
  /** Told what the operator should know, one sentence at a time. */
  notice: (sentence: string) => void;
}

/** What a daemon needs of the machine; tests give their own. */
export interface DaemonWorld {
  startDatapath: () => Promise<DatapathClient>;
  /** Takes a lock that ends with the process; false when another process has it. */
  lockFile: (path: string) => boolean;
}

const KERNEL_WORLD: DaemonWorld = { startDatapath, lockFile };

export class Daemon {
  /** What a waiting script reads: the switch is up and answers. */
  readonly readyLine: string;
  /** Resolves when the daemon has stopped; with an error when it did so on its own. */
  readonly stopped: Promise<Error | undefined>;
  readonly #datapath: DatapathClient;
  readonly #server: GrpcServer;
  readonly #resolveStopped: (error?: Error) => void;
  #stopping = false;

  private constructor(datapath: DatapathClient, server: GrpcServer, readyLine: string) {
    this.#datapath = datapath;
    this.#server = server;
    this.readyLine = readyLine;
    const { promise, resolve } = promiseWithResolver<Error | undefined>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    datapath.died.then((error) => this.#end(error));
  }

  /** Starts a switch; when it returns, restored ports are open and the socket answers. Throws SwitchError. */
  static async start(options: DaemonOptions, world: DaemonWorld = KERNEL_WORLD): Promise<Daemon> {
    const startedMs = performance.now();
    await prepareDirectories(options);
    if (!world.lockFile(join(options.stateDirectory, 'lock'))) {
      throw new SwitchError(
        'failed-precondition',
        `Another switch uses the state in ${options.stateDirectory}: stop it with 'tsswitch stop', or choose ` +
          'another directory with --state.',
      );
    }
    await claimSocketPath(options.socketPath);
    const datapath = await world.startDatapath();
    try {
      const configuration = new SwitchConfiguration(datapath, new Store(options.stateDirectory));
      for (const sentence of await configuration.restore()) options.notice(sentence);
      // Loaded only now: frames flow already while the gRPC library is being read.
      const { GrpcServer } = await import('./grpc-server.ts');
      const server = new GrpcServer();
      const version = programVersion();
      const daemon = new Daemon(datapath, server, readyLine(version, options.socketPath, configuration));
      const identity = { version, stateDirectory: options.stateDirectory, startedMs };
      server.add(
        SwitchService,
        switchService(configuration, identity, () => daemon.stop()),
      );
      server.add(BridgeService, bridgeService(configuration));
      server.add(PortService, portService(configuration, datapath));
      server.add(FlowService, flowService(datapath));
      server.add(BundleService, bundleService(datapath));
      server.add(GroupService, groupService(datapath));
      server.add(MeterService, meterService(datapath));
      server.add(TableService, tableService(datapath));
      server.add(TraceService, traceService(datapath));
      server.add(EventService, eventService(configuration, datapath));
      server.add(FdbService, fdbService(datapath));
      server.add(StatsService, statsService(configuration, datapath));
      await daemon.#listen(options);
      return daemon;
    } catch (error) {
      await datapath.close();
      throw error;
    }
  }

  /** Ends the daemon; `stopped` tells when it is done. A second call does nothing. */
  stop(): void {
    this.#end(undefined);
  }

  async #listen({ socketPath, group }: DaemonOptions): Promise<void> {
    await this.#server.listen(socketPath);
    if (group === undefined) return;
    try {
      await shareSocketWithGroup(socketPath, group);
    } catch (error) {
      await this.#server.close();
      throw error;
    }
  }

  async #end(error: Error | undefined): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#server.close();
    const closed = error === undefined ? this.#datapath.close() : Promise.resolve();
    await closed.then(
      () => this.#resolveStopped(error),
      (failure: Error) => this.#resolveStopped(failure),
    );
  }
}

function readyLine(version: string, socketPath: string, configuration: SwitchConfiguration): string {
  const names = configuration.bridges().map(({ name }) => name);
  const bridges = names.length === 1 ? `bridge ${names[0]}` : `${names.length} bridges`;
  const ports = configuration.portCount === 1 ? '1 port' : `${configuration.portCount} ports`;
  return `tsswitch ${version} ready: socket ${socketPath}, ${bridges}, ${ports}`;
}

function promiseWithResolver<T>(): { promise: Promise<T>; resolve: (value?: T) => void } {
  let resolve: (value?: T) => void = () => {};
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil as (value?: T) => void;
  });
  return { promise, resolve };
}
