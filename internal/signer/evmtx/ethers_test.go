package evmtx

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"coffer.internal/signing"
)

// decode is run by Node: it reads raw transactions and prints what ethers, which shares no code with the signer, finds in them.
const decode = `
import { createRequire } from 'node:module';
const { Transaction, Interface } = createRequire(process.argv[2])('ethers');
const erc20 = new Interface(['function transfer(address to, uint256 amount)']);
let text = '';
for await (const chunk of process.stdin) text += chunk;
console.log(JSON.stringify(JSON.parse(text).map(raw => {
  const tx = Transaction.from(raw);
  const out = { from: tx.from, to: tx.to, value: String(tx.value), nonce: tx.nonce, chainId: String(tx.chainId), type: tx.type,
    gas: String(tx.gasLimit), cap: String(tx.maxFeePerGas ?? ''), tip: String(tx.maxPriorityFeePerGas ?? ''), price: String(tx.gasPrice ?? ''), hash: tx.hash };
  if (tx.data !== '0x') { const [to, amount] = erc20.decodeFunctionData('transfer', tx.data); out.tokenTo = to; out.tokenAmount = String(amount); }
  return out;
})));
`

func TestEthersReadsOurTransactionsAsTheyWereMeant(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	own := crypto.PubkeyToAddress(key.PublicKey).Hex()
	var intents []signing.Intent
	for n, change := range []func(*signing.Intent){
		func(*signing.Intent) {}, legacy, func(i *signing.Intent) { i.EVM.Contract, i.EVM.GasLimit = token, 60000 },
		func(i *signing.Intent) { legacy(i); i.EVM.Contract, i.EVM.GasLimit = token, 60000 },
		func(i *signing.Intent) { gapFill(i); i.EVM.To = own },
	} {
		for _, chainID := range []int64{1, 56, 31337} {
			intents = append(intents, payment(func(i *signing.Intent) { change(i); i.From, i.ChainID, i.Nonce = own, chainID, uint64(n) }))
		}
	}
	var raws, hashes []string
	for _, i := range intents {
		raw, hash, err := NewKey(key).Sign(i)
		if err != nil {
			t.Fatal(err)
		}
		raws, hashes = append(raws, fmt.Sprintf("0x%x", raw)), append(hashes, hash)
	}
	for n, got := range ethers(t, raws) {
		i := intents[n]
		want := map[string]any{
			"from": own, "to": i.EVM.To, "value": i.EVM.Amount, "nonce": float64(i.Nonce), "chainId": fmt.Sprint(i.ChainID), "type": float64(2),
			"gas": fmt.Sprint(i.EVM.GasLimit), "cap": i.EVM.MaxFeePerGas, "tip": i.EVM.MaxPriorityFeePerGas, "price": i.EVM.GasPrice, "hash": hashes[n],
		}
		if i.EVM.GasPrice != "" {
			want["type"] = float64(0)
		}
		if i.EVM.Contract != "" {
			want["tokenTo"], want["tokenAmount"], want["to"], want["value"] = i.EVM.To, i.EVM.Amount, i.EVM.Contract, "0"
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("intent %d:\n got %v\nwant %v", n, got, want)
		}
	}
	t.Logf("ethers: %d transactions decoded and their signers recovered", len(intents))
}

func ethers(t *testing.T, raws []string) []map[string]any {
	t.Helper()
	script := filepath.Join(t.TempDir(), "decode.mjs")
	if err := os.WriteFile(script, []byte(decode), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(raws)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, filepath.Join(testtools(t), "package.json"))
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []map[string]any
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(raws) {
		t.Fatalf("%d of %d, %v\n%s", len(got), len(raws), err, out)
	}
	return got
}

// testtools is the folder with npm's packages: $COFFER_TESTTOOLS, else the project's own.
func testtools(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("COFFER_TESTTOOLS")
	if dir == "" {
		dir, _ = filepath.Abs("../../../testtools")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "ethers")); err != nil {
		t.Fatalf("ethers is not installed: make tools (%v)", err)
	}
	return dir
}
