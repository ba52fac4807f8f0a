// What: the messages between client.ts and worker.ts. Each request is answered by one reply with its id; the first
// message of the worker, id 0, carries the descriptor that wakes it.

import type { MessagePort } from 'node:worker_threads';
import type { SwitchCommands } from './api.ts';
import type { ErrorCode } from './errors.ts';

export interface WorkerInit {
  commands: MessagePort;
  spinUs: number;
}

export interface Request {
  id: number;
  command: keyof SwitchCommands | 'close';
  args: unknown[];
}

export interface Reply {
  id: number;
  value?: unknown;
  error?: { code: ErrorCode; message: string };
}
