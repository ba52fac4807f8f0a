// What: what a request may say about a bridge.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bridgeSpec, checkName } from '../../src/control/bridge-settings.ts';

const request = { name: 'br0', datapathId: '', failMode: 'standalone' as const, protocols: [] };

describe('bridgeSpec', () => {
  it('gives a locally administered unicast address, and a datapath id made of it', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { address, datapathId } = bridgeSpec(request);
      expect(Number.parseInt(address.slice(0, 2), 16) & 3).toBe(2);
      expect(datapathId).toBe(`0000${address.replaceAll(':', '')}`);
      seen.add(address);
    }
    expect(seen.size).toBe(50);
  });

  it.each([
    ['1', '0000000000000001'],
    ['0xFEDCBA9876543210', 'fedcba9876543210'],
    ['00000000000000ab', '00000000000000ab'],
  ])('takes the datapath id %s', (datapathId, expected) => {
    expect(bridgeSpec({ ...request, datapathId }).datapathId).toBe(expected);
  });

  it.each(['0', '0x', 'xyz', '12345678901234567', '-1', '0x0000'])(
    'refuses the datapath id %s',
    (datapathId) => {
      expect(() => bridgeSpec({ ...request, datapathId })).toThrow(`'${datapathId}' is no datapath id`);
    },
  );

  it('sorts protocols, and names a wrong one', () => {
    const protocols = ['OpenFlow13', 'OpenFlow10', 'OpenFlow13'];
    expect(bridgeSpec({ ...request, protocols }).protocols).toEqual(['OpenFlow10', 'OpenFlow13']);
    expect(() => bridgeSpec({ ...request, protocols: ['OpenFlow9'] })).toThrow(
      "'OpenFlow9' is no OpenFlow version",
    );
  });
});

describe('checkName', () => {
  it.each(['br0', 'eth0.100', 'a', 'fifteen-bytes-x', 'ü'])('takes %s', (name) => {
    expect(() => checkName('bridge', name)).not.toThrow();
  });

  it.each(['', '.', '..', 'a b', 'a/b', 'a:b', 'sixteen-bytes-xy', 'üüüüüüüü', 'a\tb'])(
    'refuses %j',
    (name) => {
      expect(() => checkName('port', name)).toThrow('cannot name a port');
    },
  );

  it('takes nothing that the kernel would refuse by length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (name) => {
        let taken = true;
        try {
          checkName('port', name);
        } catch {
          taken = false;
        }
        return !taken || (Buffer.byteLength(name) <= 15 && !/[\s/]/.test(name) && name.length > 0);
      }),
    );
  });
});
