import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Opening } from "../network/firewall";

/** Who may log in by SSH. */
export interface Ssh {
  readonly publicKey: string;
  /** Ranges from which port 22 can be reached. */
  readonly cidrBlocks: readonly string[];
}

/** Arguments of a {@link HostAccess}. */
export interface HostAccessArgs {
  /** Install the agent and grant what it needs, for shells without SSH. */
  readonly sessionManager: boolean;
  /** @default no key pair, and port 22 closed */
  readonly ssh?: Ssh;
}

/**
 * How people get into a region's long-lived hosts. A key pair, if SSH is wanted; hosts that only run a script have none, since
 * it would end up in the image. Not a component, which would be an empty one without SSH.
 *
 * It costs nothing. `ssh.publicKey` replaces the key pair, and with it the fleet (rolled) and the database host (replaced);
 * ranges change in place.
 */
export class HostAccess {
  readonly sessionManager: boolean;
  /** Undefined without SSH. */
  readonly keyName: pulumi.Output<string> | undefined;
  /** Port 22 for the firewall of a host. */
  readonly openings: readonly Opening[];

  constructor(name: string, { sessionManager, ssh }: HostAccessArgs, opts?: pulumi.CustomResourceOptions) {
    if (ssh?.cidrBlocks.length === 0) {
      const reason = "Name the networks that may reach port 22.";
      throw new pulumi.InputPropertyError({ propertyPath: "ssh.cidrBlocks", reason });
    }
    this.sessionManager = sessionManager;
    this.openings = (ssh?.cidrBlocks ?? []).map((cidrBlock) => ({
      name: `ssh-${cidrBlock}`,
      description: "SSH from a named network",
      port: 22,
      cidrBlock,
    }));
    this.keyName =
      ssh && new aws.ec2.KeyPair(name, { publicKey: ssh.publicKey, tags: { Name: name } }, opts).keyName;
  }
}
