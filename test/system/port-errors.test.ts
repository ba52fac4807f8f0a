// What: requests for ports that cannot be, and a switch that may do little. Why: each must end in one sentence that
// says what to do, in an exit code, and in nothing changed.

import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { LabSwitch } from '../support/lab-switch.ts';
import { Lab, type Namespace } from '../support/netns.ts';

/** nobody of most systems; any user without rights does. */
const USER_ID = 65_534;

describeWith(['root', 'netns', 'tap'], 'add-port and add-br', () => {
  let lab: Lab;
  let namespace: Namespace;
  let daemon: LabSwitch;
  beforeEach(async () => {
    lab = new Lab();
    namespace = lab.namespace('switch');
    daemon = await LabSwitch.start(namespace, { directory: lab.directory });
  });
  afterEach(() => lab.dispose());

  /** Expects a refusal in one line, and that bridges and ports are what they were. */
  async function refused(expected: RegExp, ...command: string[]): Promise<void> {
    const before = await daemon.ports();
    const devices = namespace.devices().sort();
    const { code, stdout, stderr } = await daemon.run(...command);
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe('');
    expect((await daemon.ports()).map(({ name, bridge }) => ({ name, bridge }))).toEqual(
      before.map(({ name, bridge }) => ({ name, bridge })),
    );
    expect(namespace.devices().sort()).toEqual(devices);
  }

  test('no such device, bridge or port', async () => {
    await refused(/nope.*--type tap|nope/, 'add-port', 'nope', '--type', 'system');
    await refused(/nobridge/, '--bridge', 'nobridge', 'add-port', 'tap0');
    await refused(/nope/, 'del-port', 'nope');
    await refused(/nobridge/, 'del-br', 'nobridge');
    await refused(/nope/, 'fdb', 'flush', 'br0', 'nope');
  });

  test('already there', async () => {
    await daemon.cli('add-port', 'tap0', '--ofport', '5');
    await daemon.cli('add-br', 'br1');
    await refused(/tap0/, 'add-port', 'tap0');
    await refused(/tap0.*br0|br0.*tap0/, '--bridge', 'br1', 'add-port', 'tap0');
    await refused(/5/, 'add-port', 'tap1', '--ofport', '5');
    await refused(/br1/, 'add-br', 'br1');
    await daemon.cli('add-port', 'tap0', '--may-exist');
    await daemon.cli('del-port', 'nope', '--if-exists');
  });

  test('names, types and numbers that cannot be', async () => {
    await refused(/15/, 'add-port', 'a-name-longer-than-fifteen');
    await refused(/name/, 'add-port', 'a/b');
    await refused(/tap, system, internal/, 'add-port', 'tap0', '--type', 'vxlan');
    for (const ofport of ['0', '65280', '-1', 'one']) {
      await refused(/ofport|65279/, 'add-port', 'tap0', `--ofport=${ofport}`);
    }
    await refused(/dpid|hex/i, 'add-br', 'br1', '--dpid', 'xyz');
    await refused(/standalone or secure/, 'add-br', 'br1', '--fail-mode', 'open');
  });

  test('devices that another switch holds', async () => {
    await daemon.cli('add-port', 'tap0');
    const second = await LabSwitch.start(namespace, {
      directory: lab.directory,
      socketName: '2.sock',
      stateName: '2',
    });
    // Both have a bridge br0; the device of that name belongs to the first.
    expect((await second.port('br0')).link).toMatchObject({ attached: false });
    expect((await second.port('br0')).link.error).toContain('another program holds it');
    const { code, stderr } = await second.run('add-port', 'tap0', '--type', 'tap');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tsswitch: .*tap0.*another program holds it.*\n$/);
    expect(await second.cli('list-ports')).toBe('');
    // The host's side of the tap is a network device like others.
    await second.cli('add-port', 'tap0');
    expect((await second.port('tap0')).type).toBe('system');
    expect((await daemon.port('tap0')).link.attached).toBe(true);
  });
});

describeWith(['root', 'netns', 'tap', 'setpriv'], 'a switch of a user without rights', () => {
  let lab: Lab;
  let namespace: Namespace;
  let directory: string;
  beforeEach(() => {
    lab = new Lab();
    namespace = lab.namespace('switch');
    chmodSync(lab.directory, 0o711); // others may pass through
    directory = join(lab.directory, 'user');
    mkdirSync(directory);
    chownSync(directory, USER_ID, USER_ID);
  });
  afterEach(() => lab.dispose());

  test('runs with the taps that the user owns, and says which right is missing for others', async () => {
    namespace.addTap('br0', { userId: USER_ID });
    namespace.addTap('mine', { userId: USER_ID });
    namespace.addTap('theirs', { userId: USER_ID - 1 });
    namespace.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    const daemon = await LabSwitch.start(namespace, { directory, userId: USER_ID });
    await daemon.cli('add-port', 'mine');
    expect(await daemon.port('mine')).toMatchObject({ type: 'tap', link: { attached: true } });
    for (const device of ['theirs', 'fresh', 'v0']) {
      const { code, stderr } = await daemon.run('add-port', device);
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^tsswitch: .*${device}.*\n$`));
      expect(stderr).toMatch(/permi|CAP_NET|root|privilege/i);
    }
    expect(await daemon.cli('list-ports')).toBe('mine\n');
    await daemon.stop();
  });
});
