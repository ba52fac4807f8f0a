// What: flows as versions of OpenFlow say them, in a few lines that need no Open vSwitch to check; openflow-form.ovs.test.ts
// compares thousands with it.

import { describe, expect, test } from 'vitest';
import { SwitchError } from '../../../../src/datapath/errors.ts';
import { parsedFlow } from '../../../../src/datapath/ofproto/bridge/flow-file.ts';

function say(line: string, ...versions: string[]) {
  return parsedFlow(undefined, 'add', line, { versions, within: [] });
}

function refusal(line: string, versions: string[], within: string[] = []): string {
  try {
    parsedFlow(undefined, 'add', line, { versions, within });
  } catch (error) {
    if (error instanceof SwitchError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the form of a flow', () => {
  test('without a version is OpenFlow 1.0', () => {
    expect(say('table=4,ip,cookie=-1,importance=3,actions=set_field:10.4.3.77->ip_src,goto_table:8')).toEqual(
      {
        text: 'ADD table:4 ip actions=mod_nw_src:10.4.3.77,resubmit(,8)',
        usableProtocols: 'OXM,OpenFlow10+table_id,NXM+table_id,OpenFlow11',
        chosenProtocol: 'OpenFlow10+table_id',
        messageName: 'OFPT_FLOW_MOD',
      },
    );
    expect(say('reg0=1,actions=drop')).toMatchObject({
      usableProtocols: 'NXM,OXM',
      chosenProtocol: 'NXM-table_id',
      messageName: 'NXT_FLOW_MOD',
    });
  });

  test('is OpenFlow 1.3 where 1.0 cannot say the flow', () => {
    expect(say('actions=meter:1,mod_vlan_vid:4')).toEqual({
      text: 'ADD actions=meter:1,push_vlan:0x8100,set_field:4100->vlan_vid',
      usableProtocols: 'OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15',
      chosenProtocol: 'OXM-OpenFlow13',
      messageName: 'OFPT_FLOW_MOD (OF1.3)',
    });
  });

  test.each([
    ['OpenFlow10', 'ADD dl_vlan=9 actions=mod_vlan_vid:4,enqueue:1:2,strip_vlan,load:0x5->NXM_NX_REG0[0..3]'],
    [
      'OpenFlow11',
      'ADD dl_vlan=9 actions=set_vlan_vid:4,set_queue:2,output:1,pop_queue,pop_vlan,load:0x5->NXM_NX_REG0[0..3]',
    ],
    [
      'OpenFlow13',
      'ADD dl_vlan=9 actions=set_field:4100->vlan_vid,set_queue:2,output:1,pop_queue,pop_vlan,load:0x5->NXM_NX_REG0[0..3]',
    ],
    [
      'OpenFlow15',
      'ADD dl_vlan=9 actions=set_field:4100->vlan_vid,set_queue:2,output:1,pop_queue,pop_vlan,set_field:0x5/0xf->reg0',
    ],
  ])('in %s', (version, text) => {
    const line = 'dl_vlan=9,actions=mod_vlan_vid:4,enqueue:1:2,strip_vlan,load:5->reg0[0..3]';
    expect(say(line, version)).toMatchObject({ text });
  });

  test('is one that other flows have too', () => {
    const form = { versions: [], within: ['NXM,OXM', 'OXM,OpenFlow11'] };
    expect(parsedFlow(undefined, 'add', 'tcp,actions=drop', form)).toMatchObject({
      usableProtocols: 'OXM',
      chosenProtocol: 'OXM-OpenFlow13',
    });
  });

  test('of a file names no table by a number', () => {
    const form = { versions: [], within: ['OXM,OpenFlow10+table_id,NXM+table_id,OpenFlow11'] };
    expect(parsedFlow(undefined, 'add', 'tcp,actions=drop', form).text).toBe(
      'ADD table:255 tcp actions=drop',
    );
    expect(parsedFlow(undefined, 'add', 'table=0,tcp,actions=drop', form).text).toBe('ADD tcp actions=drop');
  });

  test('without a form is as it was written', () => {
    const line = 'ip,cookie=-1,actions=set_field:10.4.3.77->ip_src,goto_table:8';
    const text = 'ADD ip cookie:0xffffffffffffffff actions=set_field:10.4.3.77->ip_src,goto_table:8';
    expect(parsedFlow(undefined, 'add', line).text).toBe(text);
  });

  test.each([
    [
      'actions=meter:1',
      ['OpenFlow10', 'OpenFlow12'],
      [],
      'said in OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15, not in OpenFlow10 or OpenFlow12.',
    ],
    [
      'actions=meter:1',
      [],
      ['OpenFlow10,NXM'],
      ', other flows in OpenFlow10,NXM: no protocol can say them all.',
    ],
    [
      'actions=drop',
      ['OpenFlow31'],
      [],
      'There is no version OpenFlow31 of OpenFlow: expected OpenFlow11, perhaps.',
    ],
    ['actions=drop', [], ['nonsense'], 'There is no flow protocol nonsense.'],
  ])('%s is refused in %s', (line, versions, within, sentence) => {
    const message = refusal(line, versions, within);
    expect(message).toMatch(/^invalid-argument: /);
    expect(message).toContain(sentence);
  });
});
