// What: the daemon as a process: start, stop, crash, restart, second start, socket and its rights. Why: a switch is
// part of a machine's boot and of scripts; what it was told must survive, and nothing may be left or be taken.

import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { LabSwitch, programPath, runProgram } from '../support/lab-switch.ts';
import { SwitchLab } from '../support/switch-lab.ts';
import { ping, reachable } from '../support/traffic.ts';

describeWith(['root', 'netns', 'tap', 'ping'], 'the daemon', () => {
  let world: SwitchLab;
  beforeEach(async () => {
    world = await SwitchLab.create();
  });
  afterEach(() => world?.dispose());

  async function twoHosts() {
    const a = await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
    const b = await world.addHost('b', 'veth', { address: '10.0.0.2/24' });
    return { a: a.namespace, b: b.namespace };
  }

  const portsAndBridges = async () =>
    (await world.switch.ports()).map(({ bridge, name, type, ofport }) => ({ bridge, name, type, ofport }));

  for (const [title, end] of [
    ['a stop', (daemon: LabSwitch) => daemon.stop()],
    ['a crash', (daemon: LabSwitch) => daemon.kill()],
  ] as const) {
    test(`after ${title} and a start, bridges and ports are what they were`, async () => {
      const { a } = await twoHosts();
      await world.switch.cli('add-br', 'br1', '--dpid', '00000000000000ab', '--fail-mode', 'secure');
      await world.switch.cli('add-port', '--bridge', 'br1', 'tap7', '--ofport', '77');
      const before = await portsAndBridges();
      const bridgesBefore = await world.switch.json('list-br');
      expect(before).toContainEqual({ bridge: 'br1', name: 'tap7', type: 'tap', ofport: 77 });

      await end(world.switch);
      expect(await reachable(a, '10.0.0.2', 300)).toBe(false);
      expect(await world.switch.start()).toMatch(/ready: socket .*, 2 bridges, /);
      expect(await portsAndBridges()).toEqual(before);
      expect(await world.switch.json('list-br')).toEqual(bridgesBefore);
      expect(await reachable(a, '10.0.0.2')).toBe(true);
      expect(world.namespace.devices()).toContain('tap7');
    });
  }

  test('SIGTERM, SIGINT and `tsswitch stop` each end it with code 0 and take socket and own taps away', async () => {
    for (const how of ['SIGTERM', 'SIGINT', 'stop'] as const) {
      if (how !== 'SIGTERM') await world.switch.start();
      if (how === 'SIGTERM') await world.switch.cli('add-port', 'tap0');
      expect(world.namespace.devices().sort()).toEqual(['br0', 'tap0']);
      const result = await (how === 'stop'
        ? world.switch.cli('stop').then(() => world.switch.exited())
        : world.switch.stop(how));
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(world.switch.socketPath)).toBe(false);
      expect(world.namespace.devices()).toEqual([]);
    }
  });

  test('a tap that was there before the switch is there after it', async () => {
    world.namespace.addTap('mine');
    await world.switch.cli('add-port', 'mine');
    expect(await world.switch.port('mine')).toMatchObject({ type: 'tap', link: { attached: true } });
    await world.switch.cli('del-port', 'mine');
    expect(world.namespace.devices()).toContain('mine');
    await world.switch.cli('add-port', 'mine');
    await world.switch.stop();
    expect(world.namespace.devices()).toEqual(['mine']);
  });

  test('only its user may use the socket', () => {
    expect(statSync(world.switch.socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(world.switch.stateDirectory).mode & 0o077).toBe(0);
  });

  test('a second daemon is refused, and the first goes on', async () => {
    const { a } = await twoHosts();
    const before = await portsAndBridges();
    for (const directory of [world.lab.directory, join(world.lab.directory, 'other')]) {
      // The same state and socket, then another state but the same socket.
      const state = join(directory, 'state');
      const start = LabSwitch.startArguments(world.switch.socketPath, state);
      const second = world.namespace.start(process.execPath, ...start);
      const { code, stderr } = await second.exited;
      expect(code).toBe(1);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(/^tsswitch: Another .* (stop it|choose)/);
    }
    expect(await portsAndBridges()).toEqual(before);
    expect(await ping(a, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
  });

  test('a socket that a dead switch left is taken over; a file that is no socket is not', async () => {
    await world.switch.kill();
    expect(existsSync(world.switch.socketPath)).toBe(true);
    await world.switch.start();
    expect(await world.switch.cli('list-br')).toBe('br0\n');
    const daemon = new LabSwitch(world.namespace, {
      directory: world.lab.directory,
      socketName: 'state/lock',
    });
    await world.switch.stop();
    const { code, stderr } = await daemon.launch().exited;
    expect(code).toBe(1);
    expect(stderr).toContain('is not a socket: choose another with --socket.');
  });

  test('a socket on which another program answers is left alone', async () => {
    const path = join(world.lab.directory, 'foreign.sock');
    const server = createServer().listen(path);
    try {
      const daemon = new LabSwitch(world.namespace, {
        directory: world.lab.directory,
        socketName: 'foreign.sock',
      });
      await world.switch.stop();
      const { code, stderr } = await daemon.launch().exited;
      expect(code).toBe(1);
      expect(stderr).toContain('Another program answers at');
      expect(existsSync(path)).toBe(true);
    } finally {
      server.close();
    }
  });

  test('without a switch, each command says so in one sentence', async () => {
    await world.switch.stop();
    for (const command of [['show'], ['status'], ['add-port', 'tap0'], ['dump-flows'], ['stop']]) {
      const { code, stdout, stderr } = await world.switch.run(...command);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(/^tsswitch: .*start/);
    }
  });

  test('status and stop find a switch in the background', async () => {
    await world.switch.stop();
    const paths = [
      '--socket',
      join(world.lab.directory, 'd.sock'),
      '--state',
      join(world.lab.directory, 'd'),
    ];
    const ready = await world.namespace.must(process.execPath, programPath, ...paths, 'start', '--detach');
    expect(ready).toMatch(/^tsswitch \S+ ready: socket .*d\.sock, /);
    const status = JSON.parse((await runProgram(...paths, '--json', 'status')).stdout) as { pid: number };
    expect(existsSync(`/proc/${status.pid}`)).toBe(true);
    expect(await runProgram(...paths, 'stop')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(`/proc/${status.pid}/cwd`)).toBe(false);
  });
});
