import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of an {@link IssuedCertificate}. */
export interface IssuedCertificateArgs {
  readonly domainName: string;
  /** Public Route 53 zone of the name. */
  readonly hostedZoneId: string;
}

/**
 * A certificate of ACM, whose ownership is proved in a Route 53 zone, and which ACM renews by itself.
 *
 * It costs nothing. Another name is another certificate: the new one is issued before the old one goes.
 */
export class IssuedCertificate extends pulumi.ComponentResource {
  /** Known when the certificate is issued. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: IssuedCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:IssuedCertificate", name, {}, opts);
    const child = { parent: this };
    const certificate = new aws.acm.Certificate(
      name,
      { domainName: args.domainName, validationMethod: "DNS", tags: { Name: args.domainName } },
      child,
    );
    const proof = certificate.domainValidationOptions.apply(([option]) => {
      if (!option) throw new Error(`ACM gave no record that proves the ownership of ${args.domainName}.`);
      return option;
    });
    const record = new aws.route53.Record(
      `${name}-proof`,
      {
        zoneId: args.hostedZoneId,
        name: proof.resourceRecordName,
        type: proof.resourceRecordType,
        records: [proof.resourceRecordValue],
        ttl: 60,
        allowOverwrite: true,
      },
      child,
    );
    this.arn = new aws.acm.CertificateValidation(
      `${name}-issued`,
      { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
      child,
    ).certificateArn;
    this.registerOutputs({ arn: this.arn });
  }
}
