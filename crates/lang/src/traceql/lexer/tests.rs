use super::*;
use crate::traceql::AttributeScope;

fn tokens(text: &str) -> Vec<Token> {
    let (lexemes, error) = tokenize(text);
    assert_eq!(error, None, "{text}");
    let mut tokens: Vec<Token> = lexemes.into_iter().map(|lexeme| lexeme.token).collect();
    assert_eq!(tokens.pop(), Some(Token::End));
    tokens
}

fn attribute(scope: AttributeScope, parent: bool, name: &str) -> Token {
    Token::Attribute { scope, parent, name: name.to_owned() }
}

#[test]
fn reads_attributes_of_every_scope() {
    assert_eq!(
        tokens(r#".a span.b/c resource."x y".z event.e link.l instrumentation.i parent.p"#),
        [
            attribute(AttributeScope::Any, false, "a"),
            attribute(AttributeScope::Span, false, "b/c"),
            attribute(AttributeScope::Resource, false, "x y.z"),
            attribute(AttributeScope::Event, false, "e"),
            attribute(AttributeScope::Link, false, "l"),
            attribute(AttributeScope::Instrumentation, false, "i"),
            attribute(AttributeScope::Any, true, "p"),
        ]
    );
    assert_eq!(
        tokens("parent.span.x parent.resource.y parent.event.z"),
        [
            attribute(AttributeScope::Span, true, "x"),
            attribute(AttributeScope::Resource, true, "y"),
            attribute(AttributeScope::Any, true, "event.z"),
        ]
    );
}

#[test]
fn an_attribute_runs_until_a_character_that_ends_it() {
    assert_eq!(
        tokens(".a+1=2"),
        [attribute(AttributeScope::Any, false, "a+1"), Token::Sign("="), Token::Int(2)]
    );
}

#[test]
fn tells_numbers_from_durations() {
    assert_eq!(
        tokens("1 1.5 .5 1e3 100ms 1h30m 1.5s 2d"),
        [
            Token::Int(1),
            Token::Float(1.5),
            Token::Float(0.5),
            Token::Float(1000.0),
            Token::Duration(100_000_000),
            Token::Duration(5_400_000_000_000),
            Token::Duration(1_500_000_000),
            Token::Duration(172_800_000_000_000),
        ]
    );
}

#[test]
fn takes_the_longest_operator() {
    let signs = ["!>>", "&<<", ">>", ">=", "!~", "&~", "&&", "!"];
    let expected: Vec<Token> = signs.into_iter().map(Token::Sign).collect();
    assert_eq!(tokens(&signs.join(" ")), expected);
    assert_eq!(tokens("!>="), [Token::Sign("!>"), Token::Sign("=")]);
}

#[test]
fn skips_comments() {
    assert_eq!(tokens("1 // two\n /* three */ 4"), [Token::Int(1), Token::Int(4)]);
}

#[test]
fn names_the_place_of_a_fault() {
    for (text, offset) in [("{ \"open", 2), ("a ? b", 2), (".", 0), ("99999999999999999999", 0), ("[1]", 0)] {
        let (lexemes, error) = tokenize(text);
        assert_eq!(error.unwrap().position(), Position(offset), "{text}");
        assert_eq!(lexemes.last().unwrap().token, Token::End);
    }
}
