// What: errorOf, the error that a request ends with. Who: tests of refused requests.

import type { SwitchError } from '../../src/datapath/errors.ts';

export function errorOf(body: () => unknown): Pick<SwitchError, 'code' | 'message'> {
  try {
    body();
  } catch (error) {
    return error as SwitchError;
  }
  throw new Error('nothing was refused');
}
