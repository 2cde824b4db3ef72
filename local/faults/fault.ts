import type { AwsClients } from "../api/clients";

/** A running region, as a fault finds it. */
export interface Site {
  /** The region's AWS API. */
  readonly endpoint: string;
  readonly clients: AwsClients;
  /** Outputs of the stack in it. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Takes a fault back; safe when what it was done to is gone. */
export type Undo = () => Promise<void>;

/** Something that can go wrong in a running region. */
export interface Fault {
  /** What happens, and by what. */
  readonly what: string;
  /** What to watch for. */
  readonly watch: string;
  /** What it is done to; undefined: there is nothing to choose. */
  readonly target?: "host" | "zone";
  /** Has it happen, and answers what takes it back, if anything is to be. `target` is the id of a web host, or the name of a zone. */
  begin(site: Site, target: string): Promise<Undo | undefined>;
}
