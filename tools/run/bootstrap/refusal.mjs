/** The command cannot go on; the message is what the user reads. */
export class Refusal extends Error {}
