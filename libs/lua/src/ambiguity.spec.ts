import { meansNothingHappened } from './ambiguity';

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code });

describe('invariant 4: what a failed command tells', () => {
  test.each([
    'NOSCRIPT No matching script',
    "NOPERM User x has no permissions to run the 'evalsha' command",
    'LOADING Redis is loading the dataset in memory',
    'BUSY Redis is busy running a script',
    "READONLY You can't write against a read only replica",
    'MASTERDOWN Link with MASTER is down',
    "OOM command not allowed when used memory > 'maxmemory'",
    'MISCONF Errors writing to the AOF file',
    'NOREPLICAS Not enough good replicas to write',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    "Stream isn't writeable and enableOfflineQueue options is false",
  ])('"%s" means that nothing happened', (message) => {
    expect(meansNothingHappened(new Error(message))).toBe(true);
  });

  test('a connection that was never made means that nothing happened', () => {
    expect(meansNothingHappened(coded('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'))).toBe(true);
  });

  test.each([
    new Error('Command timed out'),
    new Error('Connection is closed.'),
    new Error(
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
    ),
    coded('read ECONNRESET', 'ECONNRESET'),
    coded('write EPIPE', 'EPIPE'),
    new Error('ERR user_script:12: broken receipt script: abc, on @user_script:12.'),
    new Error('UNKILLABLE Sorry the script already executed write commands'),
    new Error("NOPERM ACL failure in script: User x has no permissions to run the 'xadd' command"),
    'a thrown string',
    undefined,
  ])('%s leaves the outcome unknown', (error) => {
    expect(meansNothingHappened(error)).toBe(false);
  });
});
