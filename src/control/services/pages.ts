// What: walks a long listing of the datapath page by page. Why: the datapath forwards between two pages, and a slow
// reader holds two pages in memory, not a million flows. Who: the services with long answers.

import type { Page, TextPage } from '../../datapath/index.ts';

/** The items of each page in turn; pages without items are left out. */
export async function* pages<T>(listPage: (after: number) => Promise<Page<T>>): AsyncGenerator<T[]> {
  for await (const { items } of readAhead(listPage)) if (items.length > 0) yield items;
}

/** The text of each page in turn; empty ones are left out. */
export async function* textPages(dumpPage: (after: number) => Promise<TextPage>): AsyncGenerator<string> {
  for await (const { text } of readAhead(dumpPage)) if (text !== '') yield text;
}

/** Each page in turn. The datapath writes one while the reader takes the one before, and no further. */
async function* readAhead<P extends { next: number }>(
  page: (after: number) => Promise<P>,
): AsyncGenerator<P> {
  let coming: Promise<P> | undefined = page(0);
  while (coming !== undefined) {
    const current: P = await coming;
    coming = current.next === 0 ? undefined : page(current.next);
    // Its failure is thrown when its turn comes; nobody waits for it when the reader leaves.
    coming?.catch(() => {});
    yield current;
  }
}
