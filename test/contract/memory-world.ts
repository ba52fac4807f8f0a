// What: the world of a memory port: the test itself is the wire.

import { MemoryProvider } from '../../src/datapath/port/memory.ts';
import type { PortOptions } from '../../src/datapath/port/port.ts';
import type { PortKind, PortWorld } from './port-world.ts';
import type { WireFrame } from './wire-frame.ts';

export const memoryKind: PortKind = {
  type: 'memory',
  limitsLength: true,
  carriesRunts: true,
  open: openMemoryWorld,
};

function openMemoryWorld(options: Omit<PortOptions, 'type'> = {}): PortWorld {
  const provider = new MemoryProvider();
  const port = provider.open('m0', options);
  return {
    port,
    batch: provider.batch,
    ready: provider.ready,
    linkChanges: () => provider.linkChanges,
    wait: () => {},
    put: (frames: readonly WireFrame[]) => {
      for (const { frame, vnetHeader } of frames) port.inject(frame, vnetHeader);
    },
    take: (count) => port.sent.splice(0, count),
    setUp: (up) => port.setLink(up),
    close: () => port.close(),
  };
}
