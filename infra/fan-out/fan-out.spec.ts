import { describe } from '@jest/globals';
import { InProcessFanOut } from './fan-out.ts';
import { fanOutContract } from './fan-out.contract.ts';

describe('Fan-out in one process', () => {
  fanOutContract(() => {
    const fanOut = new InProcessFanOut();
    return Promise.resolve({ here: fanOut, there: fanOut, close: () => fanOut.close() });
  });
});
