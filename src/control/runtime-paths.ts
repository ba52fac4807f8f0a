// What: where a switch has its socket and its state. Why: the daemon and the CLI must agree without asking each
// other. Who: main.ts and the CLI; the latter pays for each import, so this file imports nothing of the switch.

import { join, resolve } from 'node:path';

export interface RuntimePaths {
  /** Absolute path of the gRPC socket. */
  socketPath: string;
  /** Absolute path of the directory in which bridges, ports and settings are kept. */
  stateDirectory: string;
}

/** What the command line says; the environment and the defaults follow in this order. */
export interface PathOptions {
  socket?: string | undefined;
  state?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Directory for a user without a runtime directory of their own. Anybody may have created it first: check it. */
export function sharedTmpDirectory(userId: number): string {
  return `/tmp/tsswitch-${userId}`;
}

/** /run/tsswitch for root, else a directory of the user's own. */
export function runtimeDirectory(environment: Environment, userId: number): string {
  if (userId === 0) return '/run/tsswitch';
  const userRuntime = environment['XDG_RUNTIME_DIR'];
  return userRuntime ? join(userRuntime, 'tsswitch') : sharedTmpDirectory(userId);
}

/** Option, else environment variable, else default, for both paths. */
export function runtimePaths(
  options: PathOptions = {},
  environment: Environment = process.env,
  userId: number = process.getuid!(),
): RuntimePaths {
  const directory = runtimeDirectory(environment, userId);
  return {
    socketPath: resolve(options.socket || environment['TSSWITCH_SOCKET'] || join(directory, 'tsswitch.sock')),
    stateDirectory: resolve(options.state || environment['TSSWITCH_STATE'] || join(directory, 'state')),
  };
}
