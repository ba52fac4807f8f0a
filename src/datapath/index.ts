// What: the public surface of the datapath: all that src/control may import. Why: the folder boundary is a seam;
// test/architecture.test.ts holds the tree to it.

export type * from './api.ts';
export { type DatapathClient, type DatapathOptions, lockFile, startDatapath } from './client.ts';
export { DROP_REASON_NAMES, DROP_REASONS, type DropReason } from './drop.ts';
export { type ErrorCode, SwitchError } from './errors.ts';
export type { LinkState, PortType } from './port/port.ts';
