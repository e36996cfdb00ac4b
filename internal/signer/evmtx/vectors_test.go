package evmtx

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// quantity reads a number as the vectors write it: 0x-hex, a JSON number, or "0x" for nothing.
type quantity struct{ big.Int }

func (q *quantity) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "0x" || s == "null" {
		return nil
	}
	if _, ok := q.SetString(s, 0); !ok {
		return strconv.ErrSyntax
	}
	return nil
}

func read(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkVector(t *testing.T, name string, data types.TxData, chainID *big.Int, key, address, want string) {
	t.Helper()
	private, err := crypto.HexToECDSA(strings.TrimPrefix(key, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	raw, hash, err := NewKey(private).seal(data, chainID, common.HexToAddress(address))
	if err != nil || "0x"+hex.EncodeToString(raw) != want || hash != crypto.Keccak256Hash(raw).Hex() {
		t.Errorf("%s: %x, %s, %v", name, raw, hash, err)
	}
}

func TestTheVectorsOfEIP1559(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name, Address, Key, Signed string
			Tx                         struct {
				Data, To                                                            string
				ChainID, Nonce, GasLimit, Value, MaxFeePerGas, MaxPriorityFeePerGas quantity
			}
		}
	}
	read(t, "eip1559.json", &file)
	for _, v := range file.Vectors {
		to := common.HexToAddress(v.Tx.To)
		checkVector(t, v.Name, &types.DynamicFeeTx{
			ChainID: &v.Tx.ChainID.Int, Nonce: v.Tx.Nonce.Uint64(), Gas: v.Tx.GasLimit.Uint64(), To: &to, Value: &v.Tx.Value.Int,
			GasFeeCap: &v.Tx.MaxFeePerGas.Int, GasTipCap: &v.Tx.MaxPriorityFeePerGas.Int, Data: common.FromHex(v.Tx.Data),
		}, &v.Tx.ChainID.Int, v.Key, v.Address, v.Signed)
	}
	t.Logf("EIP-1559: %d vectors", len(file.Vectors))
}

func TestTheVectorsOfEIP155(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name, AccountAddress, PrivateKey, SignedTransactionChainID5, To, Data string
			Nonce, GasPrice, GasLimit, Value                                      quantity
		}
	}
	read(t, "eip155.json", &file)
	for _, v := range file.Vectors {
		to := common.HexToAddress(v.To)
		checkVector(t, v.Name, &types.LegacyTx{
			Nonce: v.Nonce.Uint64(), GasPrice: &v.GasPrice.Int, Gas: v.GasLimit.Uint64(), To: &to, Value: &v.Value.Int, Data: common.FromHex(v.Data),
		}, big.NewInt(5), v.PrivateKey, v.AccountAddress, v.SignedTransactionChainID5)
	}
	t.Logf("EIP-155: %d vectors", len(file.Vectors))
}
