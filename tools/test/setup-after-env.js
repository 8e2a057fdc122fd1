const path = expect.getState().testPath ?? '';

// Servers, real networks and kills take their time; a unit test that needs more than Jest's five seconds is a bug.
if (path.endsWith('.int-spec.ts')) jest.setTimeout(60_000);
