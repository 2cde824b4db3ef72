import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, sessionManager, type Statement, trustInstances } from "../iam/policies";

/** Arguments of a {@link HostRole}. */
export interface HostRoleArgs {
  /** What hosts with this role may do, each statement naming its resources. */
  readonly statements: readonly Statement[];
  /** Let Session Manager open shells on the hosts. */
  readonly sessionManager: boolean;
}

/**
 * A role for instances, and the instance profile that carries it. Depend on the whole component to be sure that the policies
 * are attached.
 *
 * It costs nothing. Every change of an argument is in place.
 */
export class HostRole extends pulumi.ComponentResource {
  readonly profileName: pulumi.Output<string>;
  /** Unique id of the role, which the credentials of its hosts name. */
  readonly roleId: pulumi.Output<string>;

  constructor(name: string, args: HostRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:HostRole", name, {}, opts);
    const child = { parent: this };
    const role = new aws.iam.Role(name, { assumeRolePolicy: trustInstances() }, child);
    new aws.iam.RolePolicy(
      `${name}-policy`,
      {
        role: role.name,
        policy: policyDocument([...args.statements, ...(args.sessionManager ? [sessionManager()] : [])]),
      },
      child,
    );
    this.profileName = new aws.iam.InstanceProfile(`${name}-profile`, { role: role.name }, child).name;
    this.roleId = role.uniqueId;
    this.registerOutputs({ profileName: this.profileName, roleId: this.roleId });
  }
}
