//! What may be booked: double entry and its limits, without a database.

use uuid::Uuid;

use crate::account::AccountKind;
use crate::error::{Code, Refusal};
use crate::events::Posting;
use crate::order::Order;

/// An account as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: Uuid,
    pub(super) currency: String,
    pub(super) kind: AccountKind,
    pub(super) balance_minor: i64,
    /// How many postings it has.
    pub(super) sequence: i64,
}

/// The two postings of an order, in the order of money's way.
pub(super) fn postings(order: &Order, from: &Account, to: &Account) -> Result<[Posting; 2], Refusal> {
    for account in [from, to] {
        if account.currency != order.currency.as_str() {
            let message =
                format!("account {} is in {}, not {}", account.id, account.currency, order.currency);
            return Err(Refusal::new(Code::CurrencyMismatch, message));
        }
    }
    let amount = order.amount.minor();
    let out_of_range = |account: &Account| {
        let message = format!("the balance of account {} would not fit 64 bits", account.id);
        Refusal::new(Code::BalanceOverflow, message)
    };
    let left = from.balance_minor.checked_sub(amount).ok_or_else(|| out_of_range(from))?;
    if left < 0 && from.kind == AccountKind::Customer {
        let message = format!("account {} has less than {amount} {}", from.id, order.currency);
        return Err(Refusal::new(Code::InsufficientFunds, message));
    }
    let arrived = to.balance_minor.checked_add(amount).ok_or_else(|| out_of_range(to))?;
    Ok([posting(from, -amount, left), posting(to, amount, arrived)])
}

fn posting(account: &Account, amount_minor: i64, balance_minor: i64) -> Posting {
    let sequence = account.sequence.saturating_add(1);
    Posting { account_id: account.id, amount_minor, balance_minor, sequence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Amount, Currency};
    use proptest::prelude::*;

    fn account(id: u128, kind: AccountKind, balance_minor: i64) -> Account {
        Account { id: Uuid::from_u128(id), currency: "EUR".to_owned(), kind, balance_minor, sequence: 4 }
    }

    fn order(amount: i64, currency: &str) -> Order {
        Order {
            key: "k".to_owned(),
            from: Uuid::from_u128(1),
            to: Uuid::from_u128(2),
            amount: Amount::new(amount).unwrap(),
            currency: Currency::parse(currency).unwrap(),
        }
    }

    #[test]
    fn a_customer_may_spend_what_is_there_and_no_more() {
        let (from, to) = (account(1, AccountKind::Customer, 10), account(2, AccountKind::Customer, 0));
        let [out, into] = postings(&order(10, "EUR"), &from, &to).unwrap();
        assert_eq!((out.amount_minor, out.balance_minor, out.sequence), (-10, 0, 5));
        assert_eq!((into.amount_minor, into.balance_minor, into.sequence), (10, 10, 5));
        let refused = postings(&order(11, "EUR"), &from, &to).unwrap_err();
        assert_eq!(refused.code, Code::InsufficientFunds);
    }

    #[test]
    fn the_world_may_go_below_zero_down_to_the_last_number() {
        let to = account(2, AccountKind::Customer, 0);
        let from = account(1, AccountKind::External, i64::MIN + 1);
        assert_eq!(postings(&order(1, "EUR"), &from, &to).unwrap()[0].balance_minor, i64::MIN);
        let refused = postings(&order(2, "EUR"), &from, &to).unwrap_err();
        assert_eq!(refused.code, Code::BalanceOverflow);
    }

    #[test]
    fn both_accounts_must_be_in_the_orders_currency() {
        let (from, to) = (account(1, AccountKind::Customer, 10), account(2, AccountKind::Customer, 0));
        let refused = postings(&order(1, "USD"), &from, &to).unwrap_err();
        assert_eq!(refused.code, Code::CurrencyMismatch);
        let dollars = Account { currency: "USD".to_owned(), ..to };
        let refused = postings(&order(1, "EUR"), &from, &dollars).unwrap_err();
        assert_eq!(refused.code, Code::CurrencyMismatch);
        assert!(refused.message.contains(&dollars.id.to_string()), "{}", refused.message);
    }

    proptest! {
        #[test]
        fn money_is_neither_made_nor_lost(
            amount in 1..=i64::MAX, from in any::<i64>(), to in any::<i64>(), external in any::<bool>(),
        ) {
            let kind = if external { AccountKind::External } else { AccountKind::Customer };
            let (from, to) = (account(1, kind, from), account(2, AccountKind::External, to));
            let before = i128::from(from.balance_minor) + i128::from(to.balance_minor);
            match postings(&order(amount, "EUR"), &from, &to) {
                Ok([out, into]) => {
                    prop_assert_eq!(out.amount_minor + into.amount_minor, 0);
                    prop_assert_eq!(i128::from(out.balance_minor) + i128::from(into.balance_minor), before);
                    prop_assert!(external || out.balance_minor >= 0);
                }
                Err(refusal) => {
                    let left = i128::from(from.balance_minor) - i128::from(amount);
                    let arrived = i128::from(to.balance_minor) + i128::from(amount);
                    let fits = i64::try_from(left).is_ok() && i64::try_from(arrived).is_ok();
                    prop_assert!(!fits || (refusal.code == Code::InsufficientFunds && !external && left < 0));
                }
            }
        }
    }
}
