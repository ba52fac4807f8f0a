// What: the datapath worker: the loop around Switch.poll(), and the command port. Why: forwarding has a thread of
// its own that blocks only in the addon's wait. Who: client.ts starts it and speaks to it; commands come as messages
// after a wake-up, and are carried out between two polls.
// Invariant: all state of the switch belongs to this thread; nothing is shared but the wake-up descriptor.

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { SwitchError } from './errors.ts';
import { NativeProvider } from './port/native-provider.ts';
import { Switch } from './switch.ts';
import type { Reply, Request, WorkerInit } from './worker-messages.ts';

/** How long the loop runs before it lets Node's own event loop turn once. */
const TURN_MS = 1000;
/** How long commands may take before frames get their turn; one command is never cut short. */
const SERVE_MS = 2;

const { commands, spinUs } = workerData as WorkerInit;
let stopping = false;

/** Carries out the commands that wait. False: there may be more, but frames have waited long enough. */
function serve(port: MessagePort, target: Switch): boolean {
  const end = performance.now() + SERVE_MS;
  do {
    const message = receiveMessageOnPort(port) as { message: Request } | undefined;
    if (!message) return true;
    port.postMessage(answer(message.message, target));
  } while (performance.now() < end && !stopping);
  return false;
}

function answer(request: Request, target: Switch): Reply {
  const { id, command, args } = request;
  if (command === 'close') {
    stopping = true;
    return { id, value: undefined };
  }
  try {
    const method = target[command] as (...args: unknown[]) => unknown;
    return { id, value: method.apply(target, args) };
  } catch (error) {
    if (error instanceof SwitchError) return { id, error: { code: error.code, message: error.message } };
    return { id, error: { code: 'internal', message: String((error as Error).stack ?? error) } };
  }
}

function run(provider: NativeProvider, sw: Switch): void {
  const turnEnd = performance.now() + TURN_MS;
  for (;;) {
    const idle = provider.ready.ports.length === 0 && !provider.woken;
    provider.wait(idle ? Math.min(sw.restMs, TURN_MS) : 0, spinUs);
    // Whole milliseconds: a fraction would cost an allocation per turn.
    const now = Math.floor(performance.now());
    sw.poll(now);
    if (provider.woken) {
      // Before the commands are read: one that comes meanwhile wakes the next wait().
      provider.woken = false;
      if (!serve(commands, sw)) provider.woken = true;
      if (stopping) break;
    }
    if (now >= turnEnd) {
      setImmediate(run, provider, sw);
      return;
    }
  }
  provider.close();
  commands.close();
}

const provider = new NativeProvider();
commands.postMessage({ id: 0, value: provider.wakeFd } satisfies Reply);
run(provider, new Switch(provider));
