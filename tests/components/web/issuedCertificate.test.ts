import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IssuedCertificate } from "../../../components/web/issuedCertificate";
import { evaluate, valueOf } from "../../support/component";
import { ancestors, find } from "../../../local/engine/recorder";

describe("IssuedCertificate", () => {
  it("is proved by a record in the zone, and known once it is issued", async () => {
    const graph = await evaluate(
      (provider) =>
        new IssuedCertificate(
          "certificate",
          { domainName: "service.example.org", hostedZoneId: "Z1" },
          { provider },
        ),
    );
    const certificate = find(graph, "aws:acm/certificate:Certificate", "certificate");
    assert.deepEqual(
      [certificate.inputs["domainName"], certificate.inputs["validationMethod"]],
      ["service.example.org", "DNS"],
    );
    const record = find(graph, "aws:route53/record:Record", "certificate-proof").inputs;
    assert.deepEqual(
      ["zoneId", "name", "type", "records"].map((key) => record[key]),
      ["Z1", "_x.example.com", "CNAME", ["_y.aws"]],
    );
    const issued = find(graph, "aws:acm/certificateValidation:CertificateValidation", "certificate-issued");
    assert.ok(ancestors(graph, issued).has("certificate-proof"));
    assert.match(await valueOf(graph.made.arn), /:certificate\/certificate-1234567$/);
  });
});
