// The command that a deployment's request asks to be run before its release takes traffic.

export const postdeployHook = `
ALTER TABLE deployments ADD COLUMN postdeploy_hook TEXT;
`;
