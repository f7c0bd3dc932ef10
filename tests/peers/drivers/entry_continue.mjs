// What Continue makes of a file in its folder `mcpServers`, by its own schema; its path is the argument.
import { readFileSync } from 'node:fs';
import {
  claudeDesktopLikeConfigFileSchema,
  converMcpServersJsonConfigFileToYamlBlocks,
} from '@continuedev/config-yaml';

const file = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const known = claudeDesktopLikeConfigFileSchema.parse(file);
console.log(JSON.stringify(converMcpServersJsonConfigFileToYamlBlocks(known)));
