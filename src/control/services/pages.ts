// What: walks a long listing of the datapath page by page. Why: the datapath forwards between two pages, and a slow
// reader holds one page in memory, not a million flows. Who: flow-service.ts and fdb-service.ts.

import type { Page } from '../../datapath/index.ts';

/** The items of each page in turn; pages without items are left out. The next page is asked for only when wanted. */
export async function* pages<T>(listPage: (after: number) => Promise<Page<T>>): AsyncGenerator<T[]> {
  let after = 0;
  do {
    const page = await listPage(after);
    if (page.items.length > 0) yield page.items;
    after = page.next;
  } while (after !== 0);
}
