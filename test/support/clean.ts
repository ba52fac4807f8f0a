// What: a program that removes the namespaces of labs whose owner was killed. Why: SIGKILL leaves no time to clean up.
// Who: a person, by `node dist/test/support/clean.js`; .ci/run.

import { cleanDeadLabs } from './netns.ts';

const removed = cleanDeadLabs();
console.log(removed.length === 0 ? 'Nothing to clean.' : `Removed ${removed.join(', ')}.`);
