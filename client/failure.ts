/** What can go wrong, and with which status the client then ends; docs/client.md has the same table. */
export const exitStatus = {
  /** The client or the service has a fault. */
  fault: 1,
  /** The command line or what it asks for is not valid. */
  invalid: 2,
  signedOut: 3,
  refused: 4,
  missing: 5,
  /** Somebody else was faster, or the name is taken. */
  conflict: 6,
  unavailable: 7,
  tooMany: 8,
  /** Ctrl-C at a prompt, as shells count it. */
  interrupted: 130,
} as const;

/** An end of the client that its user is told in one message. */
export class Failure extends Error {
  constructor(
    readonly kind: keyof typeof exitStatus,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
