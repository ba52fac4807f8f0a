// What: BackgroundProcess, a program that runs beside a test. Why: daemons, captures and receivers must be ready
// before traffic starts, and must be gone after it. Who: Namespace.start(), LabSwitch, the traffic functions.
// Invariant: only the process started here is ever signalled, by its pid.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export interface ProcessResult {
  /** Exit code, or null when a signal ended the process. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export class BackgroundProcess {
  /** The command line, for messages. */
  readonly title: string;
  /** Resolves when the process has ended and all its output was read. */
  readonly exited: Promise<ProcessResult>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  /** Called at each piece of output and at the end. */
  readonly #waiting = new Set<() => void>();
  #ended = false;

  /** Starts `command`. A command that cannot be started ends at once with code 127. */
  constructor(command: string, args: readonly string[]) {
    this.title = [command, ...args].join(' ');
    this.#child = spawn(command, args, { stdio: 'pipe' });
    const collect = (chunks: Buffer[]) => (chunk: Buffer) => {
      chunks.push(chunk);
      this.#wake();
    };
    this.#child.stdout.on('data', collect(this.#stdout));
    this.#child.stderr.on('data', collect(this.#stderr));
    // The reader of our input may end first; its exit code tells the story.
    this.#child.stdin.on('error', () => {});
    this.exited = new Promise((resolve) => {
      const end = (code: number | null) => {
        this.#ended = true;
        this.#wake();
        resolve(this.#result(code));
      };
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        this.#stderr.push(Buffer.from(error.message));
        end(127);
      });
    });
  }

  /** The output becomes text when it is asked for: that of a sink is long, and no text. */
  #result(code: number | null): ProcessResult {
    const stdout = () => this.stdout;
    const stderr = () => this.stderr;
    return {
      code,
      get stdout() {
        return stdout();
      },
      get stderr() {
        return stderr();
      },
    };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What it has written so far, as text. */
  get stdout(): string {
    return this.stdoutBytes.toString();
  }

  get stdoutBytes(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** Writes to its standard input; resolves when the process has room for more. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      // Called with an error when the process has ended: `exited` tells how.
      this.#child.stdin.write(bytes, () => resolve());
    });
  }

  /** Writes to its standard input and closes that. */
  endInput(bytes: string | Uint8Array = ''): void {
    this.#child.stdin.end(bytes);
  }

  /**
   * Waits until its output (stdout or stderr) matches `pattern` and returns the match. Throws when the process ends
   * or `timeoutMs` passes before.
   */
  async waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) return match;
      const leftMs = deadline - performance.now();
      if (this.#ended || leftMs <= 0) {
        const why = this.#ended ? 'ended' : `did not say so in ${timeoutMs} ms`;
        throw new Error(`waiting for ${pattern}: '${this.title}' ${why}\n${this.stdout}${this.stderr}`);
      }
      await this.#nextOutput(leftMs);
    }
  }

  /** Resolves when there is more output, when the process ends, or after `timeoutMs`. */
  #nextOutput(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }

  /** Sends a signal now. A process that has ended is left alone. */
  signal(name: NodeJS.Signals): void {
    if (!this.#ended && this.#child.pid !== undefined) this.#child.kill(name);
  }

  /** Ends the process: `signal` first, SIGKILL after `patienceMs`. Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 5_000): Promise<ProcessResult> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), patienceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }
}
