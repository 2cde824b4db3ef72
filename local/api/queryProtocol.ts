import { randomUUID } from "node:crypto";

/** Service and region that a request is signed for. */
export interface CredentialScope {
  readonly service: string;
  readonly region: string;
}

/** An answer made here instead of by moto. */
export interface XmlAnswer {
  readonly status: number;
  readonly body: string;
}

/** The scope in a Signature Version 4 `Authorization` header or pre-signed query; undefined for anonymous requests. */
export function credentialScope(authorization: string | undefined, url: URL): CredentialScope | undefined {
  const credential =
    /\bCredential=([^,\s]+)/.exec(authorization ?? "")?.[1] ?? url.searchParams.get("X-Amz-Credential") ?? "";
  const [, , region, service, terminator] = credential.split("/");
  return region && service && terminator === "aws4_request" ? { region, service } : undefined;
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(value: string): string {
  return value.replace(/[&<>"]/g, (character) => escapes[character] ?? character);
}

/** One element with text; nothing for an undefined value. */
export function element(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? "" : `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** An answer of the query protocol (Elastic Load Balancing, Auto Scaling). */
export function queryAnswer(action: string, namespace: string, result: string): XmlAnswer {
  return {
    status: 200,
    body:
      `<${action}Response xmlns="${namespace}"><${action}Result>${result}</${action}Result>` +
      `<ResponseMetadata>${element("RequestId", randomUUID())}</ResponseMetadata></${action}Response>`,
  };
}

/** An error of the query protocol that the caller is to blame for. */
export function queryError(code: string, message: string): XmlAnswer {
  return {
    status: 400,
    body:
      `<ErrorResponse><Error><Type>Sender</Type>${element("Code", code)}${element("Message", message)}</Error>` +
      `${element("RequestId", randomUUID())}</ErrorResponse>`,
  };
}

/** An answer of EC2's dialect that says no more than that the action was taken. */
export function ec2Return(action: string): XmlAnswer {
  return {
    status: 200,
    body:
      `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
      `${element("requestId", randomUUID())}<return>true</return></${action}Response>`,
  };
}

/** An error of EC2's dialect of the query protocol. */
export function ec2Error(code: string, message: string): XmlAnswer {
  return {
    status: 400,
    body:
      `<Response><Errors><Error>${element("Code", code)}${element("Message", message)}</Error></Errors>` +
      `${element("RequestID", randomUUID())}</Response>`,
  };
}

/** Values of a list parameter in the order of their numbers: `InstanceId.1`, `Targets.member.1.Id` and the like. */
export function listParameter(parameters: URLSearchParams, prefix: string, field = ""): string[] {
  const values: string[] = [];
  for (let index = 1; ; index++) {
    const value = parameters.get(`${prefix}.${index}${field}`);
    if (value === null) return values;
    values.push(value);
  }
}
