/** What the business of one call would do if it were let in. */
export type WorkResult = 'success' | 'refused' | 'not-ready' | 'fault';

export interface BranchCall {
  readonly op: 'action' | 'compensate';
  readonly result: WorkResult;
}

/** `fault` stands for an exception. */
export interface ExpectedAnswer {
  readonly answer: WorkResult;
  readonly worked: boolean;
}

/** The contract of one branch, written down as a state machine: what the barrier and its runner are compared with. */
export class BarrierModel {
  state: 'untouched' | 'done' | 'undone' | 'barred' = 'untouched';

  call({ op, result }: BranchCall): ExpectedAnswer {
    return op === 'action' ? this.#action(result) : this.#compensate(result);
  }

  #action(result: WorkResult): ExpectedAnswer {
    if (this.state === 'done') return { answer: 'success', worked: false };
    if (this.state !== 'untouched') return { answer: 'refused', worked: false };
    if (result === 'success') this.state = 'done';
    return { answer: result, worked: true };
  }

  #compensate(result: WorkResult): ExpectedAnswer {
    if (this.state === 'untouched') this.state = 'barred';
    if (this.state !== 'done') return { answer: 'success', worked: false };
    if (result === 'success') this.state = 'undone';
    return { answer: result, worked: true };
  }
}
