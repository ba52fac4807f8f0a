// What: SwitchLab, a switch in a namespace of its own with hosts around it. Why: most tests of a switch start with
// "two hosts on a bridge"; how each host is attached is the only difference. Who: system tests, demo.
//
//   veth      [host eth0]====[s-NAME switch]        two devices, a packet socket at the switch
//   tap       [host t-NAME]--(file)--[switch]       one device, made by the switch, moved to the host
//   internal  [switch br0]--(file)--[switch]        the bridge's own device: the host is the switch's namespace

import { LabSwitch, type SwitchOptions } from './lab-switch.ts';
import { Lab, type Namespace, type Offloads } from './netns.ts';

export type Attachment = 'veth' | 'tap' | 'internal';

export interface HostOptions {
  /** With prefix length, for example `10.0.0.1/24`; the host has none when left out. */
  address?: string;
  ipv6Address?: string;
  mac?: string;
  bridge?: string;
}

export class Host {
  readonly namespace: Namespace;
  /** The device that holds the host's address. */
  readonly device: string;
  /** Name of the port at the switch. */
  readonly port: string;

  constructor(namespace: Namespace, device: string, port: string) {
    this.namespace = namespace;
    this.device = device;
    this.port = port;
  }

  get mac(): string {
    return this.namespace.mac(this.device);
  }

  setOffloads(offloads: Offloads): void {
    this.namespace.setOffloads(this.device, offloads);
  }
}

export class SwitchLab {
  readonly lab: Lab;
  /** The namespace in which the switch runs. */
  readonly namespace: Namespace;
  readonly switch: LabSwitch;
  readonly #ipv6: boolean;

  private constructor(lab: Lab, namespace: Namespace, daemon: LabSwitch, ipv6: boolean) {
    this.lab = lab;
    this.namespace = namespace;
    this.switch = daemon;
    this.#ipv6 = ipv6;
  }

  /** Starts a switch with its default bridge and no ports. */
  static async create(options: Partial<SwitchOptions> & { ipv6?: boolean } = {}): Promise<SwitchLab> {
    const { ipv6 = false, ...switchOptions } = options;
    const lab = new Lab();
    try {
      const namespace = lab.namespace('switch', { ipv6 });
      const daemon = await LabSwitch.start(namespace, { directory: lab.directory, ...switchOptions });
      return new SwitchLab(lab, namespace, daemon, ipv6);
    } catch (error) {
      lab.dispose();
      throw error;
    }
  }

  /** Adds a host. `name` is at most 13 characters; for `internal` it only tells hosts apart in messages. */
  async addHost(name: string, attachment: Attachment, options: HostOptions = {}): Promise<Host> {
    const { bridge = 'br0', mac } = options;
    const host = await this.#attach(name, attachment, bridge, mac);
    const { namespace, device } = host;
    if (mac !== undefined) namespace.ip('link', 'set', device, 'address', mac);
    if (options.address !== undefined) namespace.addAddress(device, options.address);
    // Without duplicate address detection, which would delay the first frame by seconds.
    if (options.ipv6Address !== undefined) {
      namespace.ip('address', 'add', options.ipv6Address, 'dev', device, 'nodad');
    }
    namespace.setLink(device, 'up');
    await this.switch.waitForPort(host.port, ({ link }) => link.up);
    return host;
  }

  async #attach(name: string, attachment: Attachment, bridge: string, mac?: string): Promise<Host> {
    if (attachment === 'internal') return new Host(this.namespace, bridge, bridge);
    const namespace = this.lab.namespace(name, { ipv6: this.#ipv6 });
    if (attachment === 'tap') {
      const device = `t-${name}`;
      await this.switch.cli('--bridge', bridge, 'add-port', device, '--type', 'tap');
      this.namespace.moveDevice(device, namespace);
      return new Host(namespace, device, device);
    }
    const port = `s-${name}`;
    const end = { namespace, name: 'eth0', ...(mac === undefined ? {} : { mac }) };
    this.lab.veth(end, { namespace: this.namespace, name: port });
    await this.switch.cli('--bridge', bridge, 'add-port', port);
    return new Host(namespace, 'eth0', port);
  }

  /** Ends the switch and removes everything. */
  dispose(): void {
    this.lab.dispose();
  }
}
